"""Belief: chain updates become events, payments, notifications and a moved cursor, in one transaction."""

from earnest.mirror.errors import EscrowChanged, GenesisChanged
from earnest.mirror.mirror import ChainMirror

__all__ = ["ChainMirror", "EscrowChanged", "GenesisChanged"]

"""The HTTP API: routes, schemas, keys and scopes, problem details. It parses, asks a command, and shows the answer."""

from earnest.api.app import create_app
from earnest.api.services import ChainService, Limits, Services

__all__ = ["ChainService", "Limits", "Services", "create_app"]

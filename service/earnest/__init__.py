"""Earnest: an escrow checkout whose every word can be checked against the chain."""

__version__ = "0.1.0"

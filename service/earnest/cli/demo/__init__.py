"""A payment's whole life, told as it happens."""

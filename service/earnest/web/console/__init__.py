"""The developer's console: the chain as it grows, what merchants are told, and clock and blocks as buttons."""

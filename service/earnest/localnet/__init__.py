"""The embedded chain: py-evm in a process of its own, kept in one file, spoken to by JSON-RPC."""

"""The routes, one file a subject. Each parses, asks a command or the store, and shows the answer."""

"""Answers that stay open: server-sent events, fed by one thread that watches the store."""

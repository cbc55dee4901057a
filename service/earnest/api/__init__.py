"""The HTTP API: routes, schemas, keys and scopes, problem details. It parses, asks a command, and shows the answer."""

"""The shapes of requests and answers. Requests refuse fields that they do not know; answers are documented in full."""

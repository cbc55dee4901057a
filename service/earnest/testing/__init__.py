"""What others import in their own tests: a local stack, a webhook receiver, a node that can be told to misbehave."""

"""What others import in their own tests: a local stack, a webhook receiver, a node that can be told to misbehave.

The pytest plugin (`earnest.testing.plugin`) comes with the package: ask for the fixture `earnest`, a `Shop`.
"""

"""`python -m earnest.cli`: the same as the `earnest` command."""

from earnest.cli import main

main()

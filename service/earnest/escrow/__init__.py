"""The escrow contract as Python sees it: its compiled artifact, compiling, deploying, and txs for every verb."""

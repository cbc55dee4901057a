"""Proofs of payments: made by asking a node, checked from their bytes alone; the format is `docs/payment-proof.md`."""

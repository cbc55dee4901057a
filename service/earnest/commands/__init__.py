"""What a merchant can ask for, one file a verb. Commands ask the chain; none of them ever writes an on-chain status."""

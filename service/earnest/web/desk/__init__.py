"""The merchant's desk: what he sees of his payments, and what he may do with them."""

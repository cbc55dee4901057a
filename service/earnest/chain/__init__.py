"""What we ask of chains, what we believe of their answers, and what we send to them."""

"""The buyer's checkout: one page a payment, public, for whoever has its link."""

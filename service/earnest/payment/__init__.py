"""The pure core: what a payment is, what may become of it, how it is shown.

No clock, no chance, no environment and no sockets in here.
"""

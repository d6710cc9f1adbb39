"""Azure over real HTTPS on loopback: a separate program with its own world, traffic and faults.

It imports nothing of the portal and nothing imports it. Run it with ``python -m simulator``.
"""

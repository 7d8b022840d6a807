"""``trigger.webhook``: its options, its address, and how a sender proves who it is."""

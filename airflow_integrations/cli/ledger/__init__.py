"""``ledger``, ``cursor``, ``queue`` and ``runs``: what the ledger holds beside entities."""

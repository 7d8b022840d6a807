"""``discover``: what there is at the system of a Connection."""

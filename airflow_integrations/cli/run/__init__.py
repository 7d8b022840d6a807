"""``run``: a whole route in this process."""

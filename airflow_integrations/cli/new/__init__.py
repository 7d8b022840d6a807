"""``new`` and ``new-kind``: what they write."""

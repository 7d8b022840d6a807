"""``entities …``: look at single entities and act on them."""

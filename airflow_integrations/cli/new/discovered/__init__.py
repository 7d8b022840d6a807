"""A new route from what was discovered at its source and its target."""

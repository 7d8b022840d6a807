"""Lists below a list: what a route says of the parents, and how the children of each are read."""

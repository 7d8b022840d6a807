"""``doctor``: whether this installation can run its routes."""

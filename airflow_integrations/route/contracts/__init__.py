"""The schema contract of a route: what the fields of its source were learned to be, and how they differ now."""

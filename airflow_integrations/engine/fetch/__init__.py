"""fetch: stage the source's records of a window."""

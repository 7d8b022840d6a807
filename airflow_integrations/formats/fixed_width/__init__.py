"""Fixed width: a record is a line, and a column is a place in it."""

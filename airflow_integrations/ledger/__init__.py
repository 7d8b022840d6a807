"""The fate of every entity: the books of all runs, in SQLite or PostgreSQL."""

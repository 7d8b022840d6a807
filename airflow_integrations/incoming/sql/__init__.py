"""``incoming: {sql: …}``: entities from the rows of a database."""

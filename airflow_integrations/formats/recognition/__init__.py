"""Which format it is: by its beginning, by its Content-Type, by its name."""

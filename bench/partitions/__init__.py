"""One run fetched by one task and by several."""

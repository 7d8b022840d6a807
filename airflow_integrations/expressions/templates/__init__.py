"""Text for requests, written in Jinja."""

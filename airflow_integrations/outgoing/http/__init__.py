"""The outgoing kind ``http``: deliver entities to an HTTP API."""

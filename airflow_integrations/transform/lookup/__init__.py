"""The transform kind ``lookup``: add what a table or an HTTP API knows about an entity."""

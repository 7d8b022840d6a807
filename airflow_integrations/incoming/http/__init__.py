"""The incoming kind ``http``: read records from an HTTP API."""

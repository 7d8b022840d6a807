"""Webhooks taken per second, against a bare server."""

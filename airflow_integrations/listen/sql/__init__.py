"""Databases as sources of events: an outbox table, and the changes that PostgreSQL writes down for replicas."""

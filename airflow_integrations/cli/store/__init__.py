"""Stores: what routes and people keep under a key."""

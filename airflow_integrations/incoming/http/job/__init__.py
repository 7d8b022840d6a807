"""Exports that an API makes: what a route says of them, and how they are waited for and downloaded."""

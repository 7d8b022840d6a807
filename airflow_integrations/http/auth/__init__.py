"""Signing in: options in a Connection (one class a way), and how they apply to each request."""

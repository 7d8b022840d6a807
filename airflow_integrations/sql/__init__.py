"""Databases over SQLAlchemy Core: one connection on a thread of its own, exact values, errors named by what to do."""

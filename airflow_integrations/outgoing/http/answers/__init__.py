"""Meaning of a target's answer, for a request and for each entity in it."""

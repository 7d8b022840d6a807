"""Checked expressions become functions, and each value that a payload brings is bounded."""

"""The kind that sends entities by e-mail."""

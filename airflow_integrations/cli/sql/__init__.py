"""The commands about the databases that routes write to."""

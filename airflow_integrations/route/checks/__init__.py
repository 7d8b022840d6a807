"""Checks of a route when its file is read, beyond what each option knows of itself."""

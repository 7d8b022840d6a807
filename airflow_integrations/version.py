"""The version of this package. Below every room, so that the HTTP client can name it."""

__version__ = "0.1.0"

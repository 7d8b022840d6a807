"""Remedies for what people write who come from other languages and tools."""

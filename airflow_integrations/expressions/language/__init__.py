"""The language of expressions: which part of Python may be written, and what a text of it reads."""

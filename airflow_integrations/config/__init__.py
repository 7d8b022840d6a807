"""The base of every option model, and the types that options share."""

"""Where a source that is asked for what is newer is asked from: the values that came, and which of them may be next."""

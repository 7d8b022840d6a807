"""A route's ``mask``, and every place where it has to be applied."""

"""Several requests for one entity, one after the other, and one of several by condition."""

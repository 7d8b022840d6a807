"""The faults that are planted in the engine, by the part of it that has them."""

"""The routes of a world, each with what it asks and what it sends to."""

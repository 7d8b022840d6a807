"""Kinds that publish each entity as a message of a queue or stream."""

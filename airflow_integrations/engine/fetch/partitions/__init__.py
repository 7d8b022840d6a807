"""Partitions of a source that several tasks fetch: planned by one, put together by the next stage."""

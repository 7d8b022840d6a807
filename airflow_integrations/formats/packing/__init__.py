"""Content that came packed: gzip, zip and tar."""

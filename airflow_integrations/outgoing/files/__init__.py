"""``outgoing: {files: …}``: a run's entities in a file."""

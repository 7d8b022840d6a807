"""``incoming: {files: …}``: entities from the records of files."""

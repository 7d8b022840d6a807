"""push: send what transform staged, and record what became of it."""

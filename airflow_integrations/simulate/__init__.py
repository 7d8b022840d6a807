"""Run a route's stages in memory, against live or recorded systems, without effect. For preview and route tests."""

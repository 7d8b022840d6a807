"""Where a run's entities lie between its tasks: manifests and compressed segments."""

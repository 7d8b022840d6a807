"""settle: close a run's books, and those of runs that died."""

"""`make bench`: how fast routes are, always beside a hand-written script that does the same work in the same run."""

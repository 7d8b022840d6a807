"""The inbox: events that wait for a run, and what became of them."""

"""Starts of runs outside the schedule: listeners, the doorbell, triggered DAG runs."""

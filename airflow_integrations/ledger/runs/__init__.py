"""Writes of runs: claims, outcomes, leases, checkpoints, their books."""

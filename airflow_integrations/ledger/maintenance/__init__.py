"""Upkeep of the ledger: retention, expiry, due routes."""

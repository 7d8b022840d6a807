"""Actions of people on entities in the ledger: retry, skip, confirm, edit; one by one or in bulk."""

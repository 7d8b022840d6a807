"""Questions of people to the ledger. Read-only."""

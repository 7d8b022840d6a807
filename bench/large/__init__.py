"""A ledger with a million entities: what the console asks of it, and its pages."""

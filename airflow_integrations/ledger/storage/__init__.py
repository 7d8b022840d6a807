"""The ledger's database: tables, connections, bulk statements, schema version, notifications."""

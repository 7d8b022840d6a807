"""What the webhooks' application needs of Airflow: Connections, the ledger that is configured, the doorbell."""

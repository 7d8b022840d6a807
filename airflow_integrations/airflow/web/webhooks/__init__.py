"""Airflow's side of the webhooks' application: Connections, the configured ledger, the doorbell."""

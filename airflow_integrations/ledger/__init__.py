"""What became of every entity. Today: the journal of one run's push, kept beside its segments."""

from airflow_integrations.ledger.journal import Journal

__all__ = ["Journal"]

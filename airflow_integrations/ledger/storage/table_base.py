"""What all tables of the ledger have in common."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData, String

__all__ = ["PREFIX", "Id", "Key", "metadata"]

PREFIX = "integrations_"
"""Of every table: the ledger may share a database with something else, such as Airflow's own."""

metadata = MetaData()
Id = BigInteger().with_variant(Integer, "sqlite")
Key = String(512).with_variant(String(512, collation="C"), "postgresql")
"""In one order everywhere, that of code points: PostgreSQL would sort as the database's language does."""

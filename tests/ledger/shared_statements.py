"""Statements of the ledger are compiled once in a process of tests, not once for each of its thousands of ledgers.

SQLAlchemy keeps what it has compiled with the engine and its dialect, and every test has a ledger of its own: compiling
was a fifth of the CPU of a test that takes a route through all stages.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine

from airflow_integrations.ledger.storage import database

__all__ = ["share_statements", "share_statements_of"]

_first: dict[str, Engine] = {}


def share_statements() -> None:
    """From now on. PostgreSQL's only after :func:`share_statements_of` has had an engine of it."""
    share_statements_of(create_engine("sqlite://"))
    database.create_engine = _sharing  # type: ignore[attr-defined]


def share_statements_of(engine: Engine) -> None:
    """The engine's dialect, which its first connection tells what the database can do, serves the others, too."""
    with engine.connect():
        _first.setdefault(engine.dialect.name, engine)


def _sharing(*where: Any, **options: Any) -> Engine:
    engine = create_engine(*where, **options)
    if first := _first.get(engine.dialect.name):
        engine.dialect = first.dialect
        engine._compiled_cache = first._compiled_cache
    return engine

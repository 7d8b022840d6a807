"""A connection to a database that does not run here: it keeps the statements as SQLAlchemy's dialect writes them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sqlalchemy.dialects import mssql, oracle

__all__ = ["Recorder"]

DIALECTS: dict[str, Any] = {"mssql": mssql.dialect, "oracle": oracle.dialect}


class Recorder:
    """Takes the place of a connection. ``found`` is how many rows each UPDATE finds."""

    def __init__(self, name: str, found: int = 1) -> None:
        self.dialect = DIALECTS[name]()
        self.found = found
        self.told: list[str] = []

    def sql(self, statement: Any) -> str:
        """In one line, with the values of IN as the driver gets them."""
        compiled = statement.compile(dialect=self.dialect, compile_kwargs={"render_postcompile": True})
        return " ".join(str(compiled).split())

    def execute(self, statement: Any, values: Any = None) -> Any:
        text = self.sql(statement)
        self.told.append(text)
        return SimpleNamespace(rowcount=self.found, first=lambda: (1,), close=lambda: None, __iter__=None)

"""The parameters of a statement: values are bound, never pasted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import SetupError
from airflow_integrations.sql.statement import SqlText

if TYPE_CHECKING:
    from sqlalchemy.sql import TextClause

__all__ = ["Binds"]


class Binds:
    """The parameters of one statement: each value under a name of its own."""

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._known = values or {}
        self._values: dict[str, Any] = {}
        self._lists: set[str] = set()

    def copy(self) -> Binds:
        made = Binds(self._known)
        made._values, made._lists = dict(self._values), set(self._lists)
        return made

    def of(self, sql: SqlText) -> str:
        """A route's SQL, with what it binds bound."""
        return sql.rendered(self._named)

    def _named(self, name: str, behind_in: bool) -> str:
        value = self._known[name]() if callable(self._known[name]) else self._known[name]
        if isinstance(value, list | tuple) and not behind_in:
            raise SetupError(f":{name} is a list; write column in :{name}, without brackets")
        if behind_in and not isinstance(value, list | tuple):
            value = [value]
        return self.add(value)

    def add(self, value: Any) -> str:
        name = f"p{len(self._values)}"
        self._values[name] = value
        if isinstance(value, list | tuple):
            self._lists.add(name)
        return name

    def text(self, sql: str) -> TextClause:
        """The statement. Values have no type of their own: PostgreSQL gives a text the type of what it is compared
        with."""
        from sqlalchemy import bindparam, text
        from sqlalchemy.types import NullType

        params = [
            bindparam(name, value, type_=NullType(), expanding=name in self._lists)
            for name, value in self._values.items()
        ]
        return text(sql).bindparams(*params)

"""How lookups compare values: texts and numbers as they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression
from airflow_integrations.expressions.evaluation.guards import kind_of
from airflow_integrations.expressions.evaluation.limits import plain_digits

__all__ = ["Columns", "compared", "shown"]

_SHOWN = 80
"""Characters of a value in a reason."""


class Columns:
    """The columns that a lookup compares, with the value that each must have: its ``where``."""

    def __init__(self, where: Mapping[str, Expression]) -> None:
        self.names = tuple(where)
        self._values = [(column, expression.compile()) for column, expression in where.items()]

    def key(self, names: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The values as they are compared; None where one of them is null or missing."""
        key: list[str] = []
        for column, value in self._values:
            try:
                text = compared(value(names))
            except EntityError as error:
                raise EntityError(error.reason, field=f"where.{column}") from None
            if text is None:
                return None
            key.append(text)
        return tuple(key)


def shown(columns: Sequence[str], key: Sequence[str]) -> list[str]:
    """``column = value`` for people."""
    return [f"{column} = {text[:_SHOWN]}" for column, text in zip(columns, key, strict=True)]


def compared(value: Any) -> str | None:
    """A value as lookups compare it: texts and numbers as they are written, so ``1`` is ``"1"`` but not ``1.0``.

    None for null: it matches nothing. Raises EntityError for objects and lists.
    """
    if value is None or type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return plain_digits(value)
    raise EntityError(f"a lookup compares texts and numbers, not {kind_of(value)}")

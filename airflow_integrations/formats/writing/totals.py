"""Counts and sums over the records of a file, for its last line."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.errors import EntityError

__all__ = ["FooterCell", "Totals"]

LARGEST, FINEST = 100, 400
"""Digits of a value before and behind the point: the sum of any number of them has less than the digits below."""
_EXACT = decimal.Context(prec=1000, traps=[decimal.Inexact, decimal.Overflow, decimal.InvalidOperation])
_Path = Annotated[str, Field(min_length=1, max_length=200)]


class FooterCell(Model):
    """A value of the last line: a count, a sum, or a text.

    Example: ``{sum: total}``
    """

    text: str | None = None
    """Always this.

    Example: ``text: TOTAL``
    Since: 0.2
    """
    count: Literal["records", "lines", "all_lines"] | None = None
    """How many records the file has, how many lines they have, or how many lines are in it with this one.

    Example: ``count: records``
    Since: 0.2
    """
    sum: _Path | None = None
    """The exact sum of this field over all records, such as ``total``, or of a field of a list in them,
    ``lines.quantity``. Null counts as nothing.

    Example: ``sum: total``
    Since: 0.2
    """

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(each is not None for each in (self.text, self.count, self.sum)) > 1:
            raise ValueError("write one of text, count and sum, or none of them where nothing stands")
        return self


class Totals:
    """Use :meth:`of` before a record is written and :meth:`add` with what it gave, and its lines, afterwards."""

    def __init__(self, paths: Iterator[str | None]) -> None:
        self._sums = {path: Decimal(0) for path in paths if path is not None}
        self.records = self.lines = 0

    def of(self, value: Any) -> dict[str, Decimal]:
        """What a record adds. Raises EntityError for a value that is not a number."""
        return {path: _EXACT.add(Decimal(0), _sum(value, path.split("."), path)) for path in self._sums}

    def add(self, found: dict[str, Decimal], lines: int = 1) -> None:
        for path, amount in found.items():
            self._sums[path] = _EXACT.add(self._sums[path], amount)
        self.records += 1
        self.lines += lines

    def value(self, cell: FooterCell, others: int) -> str | int | Decimal | None:
        """``others``: lines of the file that are no record's."""
        if cell.sum is not None:
            return self._sums[cell.sum]
        if cell.count is None:
            return cell.text
        return {"records": self.records, "lines": self.lines}.get(cell.count, self.lines + others)


def _sum(value: Any, steps: list[str], path: str) -> Decimal:
    if value is None:
        return Decimal(0)
    if isinstance(value, list):
        total = Decimal(0)
        for each in value:
            total = _EXACT.add(total, _sum(each, steps, path))
        return total
    if steps:
        if not isinstance(value, dict):
            raise EntityError(f"the file sums {path}, and there is no object to read it in", field=path)
        return _sum(value.get(steps[0]), steps[1:], path)
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise EntityError("the file sums it, and it is not a number", field=path)
    try:
        number = Decimal(value)
        exponent = number.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -FINEST or number.adjusted() > LARGEST:
            raise decimal.InvalidOperation
    except decimal.DecimalException:
        raise EntityError(f"the file sums it, and {str(value)[:60]!r} is not a number", field=path) from None
    return number

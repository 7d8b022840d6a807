"""How workbooks are read and written."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from airflow_integrations.config.model import Model

__all__ = ["ExcelOptions", "ExcelOutput"]

_Name = Annotated[str, Field(min_length=1, max_length=1000)]
_Rows = Annotated[int, Field(strict=True, ge=0, le=1000)]


class ExcelOptions(Model):
    """How an Excel workbook becomes records.

    Example:
        sheet: Prices
        skip: 2
    """

    sheet: Annotated[str, Field(min_length=1, max_length=31)] | Annotated[int, Field(strict=True, ge=1, le=1000)] = 1
    """The sheet, by its name or its number from 1.

    Example: ``sheet: Prices``
    Since: 0.2
    """
    header: Annotated[tuple[_Name, ...], Field(min_length=1, max_length=16_384)] | None = None
    """The columns' names, from column A on, where the sheet has none. Otherwise its first row names them.

    Example: ``header: [sku, price]``
    Since: 0.2
    """
    skip: _Rows = 0
    """Rows of the sheet before the header (or, with ``header``, before the first record) that are not read.

    Example: ``skip: 2``
    Since: 0.2
    """
    empty: Literal["fail", "ok"] = "fail"
    """What a sheet without any header means. ``fail``: an error; ``ok``: there are no records.

    Example: ``empty: ok``
    Since: 0.2
    """


class ExcelOutput(Model):
    """How an Excel workbook is written: one sheet, a row for each entity.

    Example:
        sheet: Prices
        columns: [sku, price, valid_from]
        dates: [valid_from]
    """

    columns: Annotated[tuple[_Name, ...], Field(min_length=1, max_length=16_384)] | None = None
    """The entity's fields that become columns, in this order. Left out: those of the file's first entity; one that has
    others then fails alone.

    Example: ``columns: [sku, price]``
    Since: 0.2
    """
    sheet: Annotated[str, Field(min_length=1, max_length=31, pattern=r"^[^\[\]:*?/\\']+$")] = "Sheet1"
    """The sheet's name.

    Example: ``sheet: Prices``
    Since: 0.2
    """
    header: Annotated[bool, Field(strict=True)] = True
    """Whether the first row names the columns.

    Example: ``header: false``
    Since: 0.2
    """
    dates: Annotated[tuple[_Name, ...], Field(max_length=16_384)] = ()
    """Fields whose texts, ``2026-03-01`` or ``2026-03-01T10:00:00``, become dates of Excel. A zone is left out: Excel
    has none.

    Example: ``dates: [valid_from]``
    Since: 0.2
    """

"""Formats of lines and segments, which webhooks read as well as files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.formats import FormatName, RecordReader
from airflow_integrations.formats.edi.options import EdiOptions
from airflow_integrations.formats.fixed_width.options import FixedWidthOptions

if TYPE_CHECKING:
    from airflow_integrations.formats.edi.acknowledging import Acknowledging

__all__ = ["TextFormats", "edi_type"]

_EDI: dict[str, FormatName] = {"application/edifact": "edifact", "application/edi-x12": "x12"}


def edi_type(content_type: str | None) -> FormatName | None:
    """The format that one of RFC 1767's content types names; None for others."""
    return _EDI.get((content_type or "").partition(";")[0].strip().lower())


class TextFormats(Model):
    """Formats of lines and segments; a part of other configurations."""

    fixed_width: FixedWidthOptions | None = None
    """How fixed width is written, which needs it.

    Example: ``fixed_width: {columns: [{name: sku, width: 10}, {name: total, width: 11, type: decimal, places: 2}]}``
    Since: 0.2
    """

    edifact: EdiOptions = Field(default_factory=EdiOptions)
    """How EDIFACT becomes values.

    Example: ``edifact: {groups: [{name: lines, start: LIN, until: [UNS]}]}``
    Since: 0.2
    """
    x12: EdiOptions = Field(default_factory=EdiOptions)
    """How X12 becomes values.

    Example: ``x12: {groups: [{name: lines, start: PO1, until: [CTT]}]}``
    Since: 0.2
    """

    @model_validator(mode="after")
    def _described(self) -> Self:
        if getattr(self, "format", None) == "fixed_width" and self.fixed_width is None:
            raise ValueError("format: fixed_width needs fixed_width, which names the columns")
        return self

    def text_reader(
        self,
        name: str,
        *,
        named: str | None,
        said: str | None,
        rejects: bool = False,
        answers: Acknowledging | None = None,
    ) -> RecordReader | None:
        """A reader of one of these formats; None for others. ``named`` is the encoding that the route names, ``said``
        the one that the Content-Type does. ``answers``: see :class:`EdiReader`."""
        if name == "fixed_width":
            from airflow_integrations.formats.fixed_width.reader import FixedWidthReader

            assert self.fixed_width is not None
            return FixedWidthReader(self.fixed_width, encoding=named or said, rejects=rejects)
        if name == "edifact":
            from airflow_integrations.formats.edi.edifact import EdifactReader

            return EdifactReader(self.edifact, encoding=named, rejects=rejects, answers=answers)
        if name == "x12":
            from airflow_integrations.formats.edi.x12 import X12Reader

            return X12Reader(self.x12, encoding=named or said, rejects=rejects, answers=answers)
        return None

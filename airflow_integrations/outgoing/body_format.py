"""``body_format``: a body in one of the formats that files are written in, instead of JSON."""

from __future__ import annotations

import codecs
from typing import Any, ClassVar, Self

from pydantic import model_validator

from airflow_integrations.config.model import ShortForm
from airflow_integrations.formats.recognition.media_types import OF_FORMAT
from airflow_integrations.formats.writing.control import Control
from airflow_integrations.formats.writing.written_format import FormatWritten, WrittenFile
from airflow_integrations.formats.writing.xml_options import declared_encoding

__all__ = ["BodyFormat"]

_OWN_OPTIONS = ("csv", "fixed_width", "xml", "excel", "parquet", "edifact", "x12")


class BodyFormat(ShortForm, WrittenFile):
    """The format of a body. One option is enough: ``csv: {delimiter: ";"}`` is ``format: csv`` as well."""

    short_form: ClassVar[str] = "format"

    format: FormatWritten | None = None
    """The format. Left out: that of the option beside it.

    Example: ``format: json_lines``
    Since: 0.2
    """

    @model_validator(mode="before")
    @classmethod
    def _of_its_option(cls, options: Any) -> Any:
        if not isinstance(options, dict) or options.get("format") is not None:
            return options
        given = [name for name in _OWN_OPTIONS if name in options]
        if not given:
            raise ValueError("write which format the body has, such as body_format: csv, or xml: {root: orders}")
        return {**options, "format": given[0]}

    @model_validator(mode="after")
    def _one_format(self) -> Self:
        if not self.addresses:
            raise ValueError(f"write {self.written}.recipient: only files with per: entity take it from their entities")
        for name in sorted(self.model_fields_set - {"format", str(self.written)}):
            raise ValueError(f"{name} says how another format is written, and this body is {self.written}; keep one")
        return self

    @property
    def content_type(self) -> str:
        """What the body is said to be, where the route does not say it."""
        written = self.written
        assert written is not None
        if written not in ("csv", "fixed_width"):  # the others say their encoding themselves, or have one
            return OF_FORMAT[written]
        encoding = self.csv.encoding if self.fixed_width is None else self.fixed_width.encoding
        return f"{OF_FORMAT[written]}; charset={declared_encoding(codecs.lookup(encoding).name).lower()}"

    @property
    def trial(self) -> Control | None:
        """For a body that is only looked at: the longest number that an interchange can have."""
        counted = self.partner
        return None if counted is None else Control(counted[2], 0.0)

"""Check conditions over answers that are read record by record: they see the head alone."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_integrations.expressions.language.field_paths import only_fields
from airflow_integrations.formats.answer import AnswerFormat

__all__ = ["check_head_conditions"]

HEAD_NAMES = frozenset({"text", "records", "document"})
"""What ``body`` has of an answer's head; see :mod:`airflow_integrations.formats.head`."""


def check_head_conditions(options: AnswerFormat, names: Iterable[str]) -> None:
    """Raises ValueError where one of the conditions called ``names`` reads what the head's ``body`` does not have."""
    if options.format in ("auto", "json") or (options.format == "xml" and options.xml.record is None):
        return
    for name in names:
        condition = getattr(options, name)
        reads = only_fields([condition], "body") if condition is not None else frozenset()
        if reads is None or not all(path[0] in HEAD_NAMES for path in reads):
            raise ValueError(
                f"{name}: an answer in {options.format} is read record by record, and {name} sees its head: "
                "body.text, body.records[0] and, of XML, body.document"
            )

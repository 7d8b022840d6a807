"""Key and version of a fetched record, also of one that is still JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_integrations.entity import key_text, version_text
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import FieldWatch
from airflow_integrations.expressions.language.field_paths import only_fields
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.partial import PartReader
from airflow_integrations.route.definition import EntityOptions

__all__ = ["KeyReader"]


class KeyReader:
    """Reads what identifies an entity. Of a record that is still JSON only the fields are decoded that this takes."""

    def __init__(self, options: EntityOptions, base: Mapping[str, Any]) -> None:
        self._name = options.name
        self._base = base
        self._key = options.key.compile()
        self._version = options.version.compile() if options.version else None
        expressions = [options.key, *([options.version] if options.version else [])]
        fields = {path for expression in expressions for path in expression.fields}
        self._watch = FieldWatch(fields, (self._name, "source"))
        read_of_entity = only_fields(expressions, self._name)
        read_of_source = only_fields(expressions, "source")
        self._number: str | None = None
        self._digits: str | None = None
        """The first key that was a number, and the first that was a text of digits."""
        whole = read_of_entity is None or read_of_source is None
        self._part = PartReader(None if whole else (read_of_entity or frozenset()) | (read_of_source or frozenset()))

    def read(self, record: Any) -> tuple[str, str | None]:
        """``(key, version)``. Raises EntityError where the record has no usable one."""
        if type(record) is BadRecord:
            raise EntityError(record.reason)
        try:
            value = self._part.value(record)
        except ContentError as error:
            raise EntityError(str(error)) from None
        names = {**self._base, self._name: value, "source": value}
        if self._watch.watching:
            self._watch.see(names)
        given = self._key(names)
        key = key_text(given)
        if type(given) is str:
            if self._digits is None and key.isdecimal() and (key[0] != "0" or key == "0"):
                self._digits = key
        elif self._number is None and type(given) is int:
            self._number = key
        return key, None if self._version is None else version_text(self._version(names))

    def warnings(self) -> list[str]:
        told = [
            f"entity.key or entity.version reads {'.'.join(path)}, which no entity of this run has"
            for path in self._watch.unseen()
        ]
        if self._number is not None and self._digits is not None:
            told.append(
                f"entity.key gives numbers (such as {self._number}) and texts of digits (such as {self._digits!r}) in "
                'one fetch: 1 and "1" are one key, and of two such records the last one counts. If they are different '
                "entities, put what tells them apart into entity.key"
            )
        return told

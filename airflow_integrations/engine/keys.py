"""Key and version of a fetched record, also of one that is still JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from airflow_integrations.entity import key_text
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import FieldWatch
from airflow_integrations.expressions.chains import only_fields
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import read
from airflow_integrations.formats.partial import partial_decoder
from airflow_integrations.route import EntityOptions

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
        self._partial = (
            partial_decoder(read_of_entity | read_of_source)
            if read_of_entity is not None and read_of_source is not None
            else None
        )

    def read(self, record: Any) -> tuple[str, str | None]:
        """``(key, version)``. Raises EntityError where the record has no usable one."""
        value = self._decoded(record) if type(record) is msgspec.Raw else record
        names = {**self._base, self._name: value, "source": value}
        if self._watch.watching:
            self._watch.see(names)
        key = key_text(self._key(names))
        return key, None if self._version is None else key_text(self._version(names))

    def _decoded(self, record: msgspec.Raw) -> Any:
        if self._partial is not None:
            try:
                return self._partial.decode(record)
            except (ValueError, RecursionError, ArithmeticError):
                pass  # not an object where one is expected: all of it is decoded, for the precise error
        try:
            return read(bytes(record))
        except ContentError as error:
            raise EntityError(str(error)) from None

    def warnings(self) -> list[str]:
        return [
            f"entity.key or entity.version reads {'.'.join(path)}, which no entity of this run has"
            for path in self._watch.unseen()
        ]

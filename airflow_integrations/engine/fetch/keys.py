"""Key and version of a fetched record, also of one that is still JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Raw

from airflow_integrations.entity import MAX_KEY_LENGTH, key_text, version_text
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression, FieldWatch
from airflow_integrations.expressions.language.dependencies import Path
from airflow_integrations.expressions.language.field_paths import only_fields, plain_path
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
        self._written = _short(options.key.text)
        self._fields: list[str] = []
        """What the first record without a key has, so that a misspelled key is seen."""
        self._number: str | None = None
        self._digits: str | None = None
        """The first key that was a number, and the first that was a text of digits."""
        self._paths = _plain(options)
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
        try:
            key = key_text(given)
        except EntityError as error:
            self._fields = self._fields or _field_names(record)
            raise EntityError(error.reason.replace("the key expression", self._written)) from None
        if type(given) is str:
            if self._digits is None and _is_number(key):
                self._digits = key
        elif self._number is None and type(given) is int:
            self._number = key
        return key, None if self._version is None else version_text(self._version(names))

    def read_together(self, records: Sequence[Any]) -> list[tuple[str, str | None]] | None:
        """The same of records that are all still JSON and plain: key and version of each. None where they have to be
        read one by one: an expression that computes, a field that was not seen yet, a key that is not usable."""
        if self._paths is None or self._watch.watching or set(map(type, records)) != {Raw}:
            return None
        values = self._part.values(records)
        if not values:
            return None
        keys = self._texts(values, self._paths[0], of_keys=True)
        if keys is None:
            return None
        if self._paths[1] is None:
            return [(key, None) for key in keys]
        versions = self._texts(values, self._paths[1])
        return None if versions is None else list(zip(keys, versions, strict=True))

    def _texts(self, values: list[dict[str, Any]], path: Path, *, of_keys: bool = False) -> list[str] | None:
        """What :func:`key_text` makes of a field of each, where all are texts or all are numbers, and usable."""
        found: list[Any] = values
        try:
            for step in path:
                found = [value.get(step) for value in found]
        except AttributeError:
            return None
        kinds = set(map(type, found))
        if kinds == {int}:
            texts = list(map(str, found))
        elif kinds == {str}:
            texts = found
        else:
            return None
        joined = "".join(texts)
        usable = joined.isprintable() and max(map(len, texts)) <= MAX_KEY_LENGTH
        if not usable or not all(texts) or (" " in joined and not all(map(str.strip, texts))):
            return None
        if of_keys and kinds == {int}:
            self._number = self._number or texts[0]
        elif of_keys and self._digits is None:
            self._digits = next(filter(_is_number, filter(str.isdecimal, texts)), None)
        return texts

    def warnings(self) -> list[str]:
        has = f"; a record has: {', '.join(self._fields)}" if self._fields else ""
        told = [
            f"entity.key or entity.version reads {'.'.join(path)}, which no entity of this run has{has}"
            for path in self._watch.unseen()
        ]
        if self._number is not None and self._digits is not None:
            told.append(
                f"entity.key gives numbers (such as {self._number}) and texts of digits (such as {self._digits!r}) in "
                'one fetch: 1 and "1" are one key, and of two such records the last one counts. If they are different '
                "entities, put what tells them apart into entity.key"
            )
        return told


def _field_names(record: Any) -> list[str]:
    """The first dozen."""
    try:
        value = PartReader(None).value(record)
    except ContentError:
        return []
    return [str(name)[:40] for name in list(value)[:12]] if isinstance(value, Mapping) else []


def _short(text: str) -> str:
    """An expression in one line of a reason."""
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else f"{flat[:57]}…"


def _plain(options: EntityOptions) -> tuple[Path, Path | None] | None:
    """The fields of the record that key and version are, where each is nothing but a field."""
    key, version = (_field(expression, options.name) for expression in (options.key, options.version))
    return None if key is None or (version is None and options.version is not None) else (key, version)


def _field(expression: Expression | None, name: str) -> Path | None:
    path = None if expression is None else plain_path(expression)
    return path[1:] if path and len(path) > 1 and path[0] in (name, "source") else None


def _is_number(key: str) -> bool:
    return key.isdecimal() and (key[0] != "0" or key == "0")

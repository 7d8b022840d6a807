"""The base of every configuration model, and the field types they share."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    RootModel,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

__all__ = [
    "ConnectionId",
    "Duration",
    "FileReference",
    "Folder",
    "Model",
    "RootConfig",
    "RouteName",
    "ShortForm",
    "duration_text",
    "walk",
]

T = TypeVar("T")


class Model(BaseModel):
    """Frozen, without unknown keys. A field's docstring is its documentation and its JSON Schema description."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        validate_default=False,
        populate_by_name=True,
        serialize_by_alias=True,
        defer_build=True,
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        from airflow_integrations.field_docs import field_docs

        made = handler(schema)
        options = handler.resolve_ref_schema(made).get("properties", {})
        for name, text in field_docs(cls).items():
            field = cls.model_fields.get(name)
            if field is not None and field.description is None and (option := options.get(field.alias or name)):
                option["description"] = text
        return made


class RootConfig(RootModel[T], Generic[T]):
    """A configuration that is one value instead of named options, such as the expression of ``filter``: ``root``."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, arbitrary_types_allowed=True, defer_build=True)


class ShortForm(Model):
    """A model of which one option may stand alone: ``validate: x.json`` for ``validate: {file: x.json}``.

    ``short_form`` names that option. Errors of the short form carry the place where it was written, and it is
    serialised as it was written.
    """

    short_form: ClassVar[str]

    @model_validator(mode="wrap")
    @classmethod
    def _from_short_form(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Self:
        if isinstance(value, (dict, cls)):
            return handler(value)  # type: ignore[no-any-return]
        try:
            return handler({cls.short_form: value})  # type: ignore[no-any-return]
        except ValidationError as error:
            short = [
                InitErrorDetails(
                    type=PydanticCustomError(found["type"], "{text}", {**found.get("ctx", {}), "text": found["msg"]}),
                    loc=found["loc"][1:],
                    input=found["input"],
                )
                for found in error.errors(include_url=False)
            ]
            raise ValidationError.from_exception_data(cls.__name__, short) from None

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> Any:
        written = handler(self)
        return written[self.short_form] if self.model_fields_set == {self.short_form} else written

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        full = super().__get_pydantic_json_schema__(schema, handler)
        options = handler.resolve_ref_schema(full).get("properties", {})
        return {"anyOf": [options[cls.short_form], full]} if cls.short_form in options else full


_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value.replace(" ", "")) if isinstance(value, str) and value.strip() else None
    if match is None:
        raise ValueError(f"{value!r} is no duration; write it like 30s, 5m, 1h30m or 2d")
    days, hours, minutes, seconds = match.groups()
    try:
        return timedelta(int(days or 0), hours=int(hours or 0), minutes=int(minutes or 0), seconds=float(seconds or 0))
    except OverflowError:
        raise ValueError(f"{value!r} is longer than a duration can be") from None


def duration_text(duration: timedelta) -> str:
    """As people write it in a route: ``1h30m``; ``0s`` for none."""
    minutes, seconds = divmod(duration.seconds, 60)
    parts = zip((duration.days, *divmod(minutes, 60)), "dhm", strict=True)
    text = "".join(f"{count}{unit}" for count, unit in parts if count)
    fraction = f".{duration.microseconds:06d}".rstrip("0") if duration.microseconds else ""
    return f"{text}{seconds}{fraction}s" if seconds or fraction or not text else text


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(duration_text, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^ *(\d+d)? *(\d+h)? *(\d+m)? *(\d+(\.\d+)?s)? *$",
            "minLength": 2,
            "examples": ["30s", "5m", "1h30m"],
        }
    ),
]
"""``30s``, ``5m``, ``1h30m``, ``2d``."""

ConnectionId = Annotated[str, Field(min_length=1, max_length=250, pattern=r"^[\w.\-]+$")]
"""The id of an Airflow Connection. It is looked up when the task runs, never when a file is read."""

RouteName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]+$", min_length=1, max_length=200)]
"""What a route is called; also the id of its DAG."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a route file's references are resolved: ``here`` is the file's folder, ``root`` the routes folder.

    ``written`` says in which folders a text was written where that is not ``here`` alone, because the route uses
    shared files: a reference is relative to the file that makes it.
    Passed to pydantic as validation context; a route made in Python without one uses absolute references.
    """

    root: Path
    here: Path
    written: Mapping[str, frozenset[Path]] = field(default_factory=dict)

    def resolve(self, reference: str) -> Path:
        """The absolute path of a reference. Raises ValueError where it would leave the routes folder or is missing."""
        if "\0" in reference:
            raise ValueError(f"{reference!r} is no name of a file")
        root = self.root.resolve()
        folders = sorted(self.written.get(reference) or (self.here,))
        paths = {Path(os.path.realpath(folder / reference)) for folder in folders}  # resolve() raises on a loop
        if Path(reference).is_absolute() or not all(path.is_relative_to(root) for path in paths):
            raise ValueError(f"{reference!r} leaves the routes folder; put the file under {root.name}/")
        found = [path for path in paths if _is_file(path)]
        if not found:
            places = " or ".join(f"{folder.resolve().relative_to(root.parent)}/" for folder in folders)
            raise ValueError(f"no file {reference!r} in {places}")
        if len(found) > 1:
            names = " and ".join(str(path.relative_to(root.parent)) for path in sorted(found))
            raise ValueError(f"{reference!r} is written in two folders, as {names}; write one as ./{reference}")
        return found[0]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, or with a NUL
        return False


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file that a route names, relative to the route's own file; it may not leave the routes folder."""

    text: str
    path: Path
    root: Path
    """The folder that files named by this file may not leave: the routes folder, or its own folder without one."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def parse(value: Any, info: ValidationInfo) -> FileReference:
            if isinstance(value, cls):
                return value
            if not isinstance(value, str) or not value:
                raise ValueError("the name of a file belongs here, relative to this file")
            if isinstance(info.context, Folder):
                path = info.context.resolve(value)
                if value in info.context.written:  # as seen from the route's own file: a dumped route loads again
                    value = os.path.relpath(path, info.context.here.resolve())
                return cls(value, path, info.context.root.resolve())
            path = Path(value)
            if not path.is_absolute():
                raise ValueError(f"{value!r} is relative and this route has no file; give an absolute path")
            if not path.is_file():
                raise ValueError(f"no file {value!r}")
            return cls(value, path, path.parent.resolve())

        return core_schema.json_or_python_schema(
            json_schema=core_schema.with_info_after_validator_function(parse, core_schema.str_schema(min_length=1)),
            python_schema=core_schema.with_info_plain_validator_function(parse),  # a union would tell every error twice
            serialization=core_schema.plain_serializer_function_ser_schema(lambda reference: reference.text),
        )


def walk(value: Any, loc: tuple[int | str, ...] = ()) -> Iterator[tuple[tuple[int | str, ...], Any]]:
    """Every leaf of a configuration with its place: models, mappings and sequences are descended into."""
    if isinstance(value, RootModel):
        yield from walk(value.root, loc)
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from walk(getattr(value, name), (*loc, field.alias or name))
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from walk(inner, (*loc, name))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from walk(inner, (*loc, index))
    else:
        yield loc, value

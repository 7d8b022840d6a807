"""Files that a route names, relative to its own file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import (
    GetCoreSchemaHandler,
    ValidationInfo,
)
from pydantic_core import CoreSchema, core_schema

__all__ = ["FileReference", "Folder"]


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
            raise ValueError(f"{reference!r} is not a name of a file")
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

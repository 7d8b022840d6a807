"""A route with the content of its files, as bytes: whatever becomes of the files, it can be had again as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from airflow_integrations.config.file_reference import Folder
from airflow_integrations.route.definition import Route
from airflow_integrations.route.dump import plain_definition
from airflow_integrations.route.files.named import named_files

__all__ = ["MAX_BYTES", "pack", "unpack"]

MAX_BYTES = 64 * 1024 * 1024
"""Of all files of a route together: what is packed is held in memory, once for a run."""

_DECIMAL, _BIG = 1, 2


class _File(msgspec.Struct, array_like=True):
    text: str | None
    place: str
    """Relative to the folder that it is unpacked into. Files of one root keep their places to each other."""
    content: bytes


class _Packed(msgspec.Struct, array_like=True):
    definition: Any
    params: Any
    files: list[_File]


def pack(route: Route, params: Mapping[str, Any]) -> bytes:
    """The route, what its params were for one run, and its files.

    Raises ValueError where the files are larger than :data:`MAX_BYTES` together, TypeError for params that are not
    plain data (a route made in Python may have some), OSError for a file that is gone.
    """
    roots: dict[Path, int] = {}
    files, size = [], 0
    for file in named_files(route):
        content = file.path.read_bytes()
        size += len(content)
        if size > MAX_BYTES:
            raise ValueError(f"the files of the route are larger than {MAX_BYTES // 1024**2} MiB together")
        path, root = file.path.resolve(), file.root.resolve()
        inside = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
        number = roots.setdefault(root, len(roots))
        files.append(_File(file.text, f"{number}/{inside.as_posix()}", content))
    return msgspec.msgpack.encode(_Packed(_tagged(plain_definition(route)), _tagged(dict(params)), files))


def unpack(content: bytes, folder: Path) -> tuple[Route, dict[str, Any]]:
    """The route and the params, exactly as they were packed; the files are written below ``folder``, which is empty.

    Raises ValueError (pydantic's ValidationError is one) where this version of the package does not take it any more.
    """
    try:
        packed = msgspec.msgpack.decode(content, type=_Packed, ext_hook=_untagged)
    except (msgspec.MsgspecError, ArithmeticError) as error:
        raise ValueError(f"it is damaged: {error}") from None
    places = {}
    for file in packed.files:
        place = folder / file.place
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)
        if file.text is not None:
            places[file.text] = place
    return Route.load(packed.definition, folder=_Unpacked(folder, folder, places=places)), packed.params


@dataclass(frozen=True, slots=True)
class _Unpacked(Folder):
    """Finds a file where it was unpacked, whatever the text that names it."""

    places: Mapping[str, Path] = field(default_factory=dict)

    def resolve(self, reference: str) -> Path:
        if reference not in self.places:
            raise ValueError(f"the file {reference!r} is missing")
        return self.places[reference].resolve()


def _tagged(value: Any) -> Any:
    """MessagePack has neither decimals nor whole numbers of more than 64 bits; a float stays one."""
    if value is None or isinstance(value, bool | float | str):
        return value
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 63 else msgspec.msgpack.Ext(_BIG, str(value).encode())
    if isinstance(value, Decimal):
        return msgspec.msgpack.Ext(_DECIMAL, str(value).encode())
    if isinstance(value, Mapping):
        return {_name(name): _tagged(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_tagged(inner) for inner in value]
    raise TypeError(f"{type(value).__name__} is not plain data")


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a name is text, not {type(name).__name__}")
    return name


def _untagged(code: int, data: memoryview) -> Any:
    return (Decimal if code == _DECIMAL else int)(bytes(data).decode())

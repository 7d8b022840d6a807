"""Entities from a file: a JSON or YAML list, or JSON lines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from airflow_integrations.errors import RouteError, RunError
from airflow_integrations.formats.json import decode

__all__ = ["read_entities"]


def read_entities(path: Path) -> list[Any]:
    """The entities of a file, numbers exact; ``-`` is standard input. One object is one entity. Raises RunError."""
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise RunError(f"the file {path} cannot be read: {error.strerror}") from None
    found = _yaml(content, path) if path.suffix in (".yaml", ".yml") else _json(content, path)
    return found if isinstance(found, list) else [found]


def _json(content: bytes, path: Path) -> Any:
    try:
        return decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as whole:
        lines = content.splitlines()
        if len(lines) < 2 or path.suffix == ".json":
            raise RunError(f"{path} is not JSON: {whole}") from None
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise RunError(f"{path}:{number} is not JSON: {error}") from None
    return found


def _yaml(content: bytes, path: Path) -> Any:
    from airflow_integrations.route_files.parser import parse

    node, mistakes = parse(content, str(path))
    if mistakes or node is None:
        raise RouteError(mistakes)
    return node.plain()

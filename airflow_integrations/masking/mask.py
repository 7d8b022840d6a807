"""``mask:`` of a route: what nobody is shown of its payloads, in pages, answers of the API, exports, commands and logs.

What a path names is replaced in the record as the source gave it and in what goes to the target alike. A value that
was masked in one place is masked wherever else it appears: in the other of the two, and in an error that quotes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

from airflow_integrations.http.escaped_secrets import HIDDEN, SHORTEST, SecretFinder

__all__ = ["HIDDEN", "Mask", "hide"]


class Mask:
    """The paths of a route. An empty one changes nothing."""

    def __init__(self, paths: Iterable[str] = (), *, entity: str | None = None) -> None:
        """``entity``: what the route calls an entity; a path may begin with it."""
        parted = [tuple(path.split(".")) for path in paths]
        parted += [path[1:] for path in parted if len(path) > 1 and path[0] == entity]
        self.paths = tuple(dict.fromkeys(parted))

    @property
    def names(self) -> frozenset[str]:
        """The paths, with dots. A mask hides no more than another where its names are among the other's."""
        return frozenset(map(".".join, self.paths))

    def __bool__(self) -> bool:
        return bool(self.paths)

    def value(self, value: Any) -> Any:
        """A copy in which what the paths name is hidden; null stays null."""
        for path in self.paths:
            value = _masked(value, path)
        return value

    def secrets(self, *values: Any) -> frozenset[str]:
        """The texts and numbers that the paths name in these values, as texts, but for those of few characters."""
        found = (leaf for value in values for path in self.paths for leaf in _named(value, path))
        return frozenset(text for text in map(_text, found) if text is not None and len(text) >= SHORTEST)


def hide(value: Any, secrets: Collection[str]) -> Any:
    """A copy in which these values are hidden wherever they stand, within texts and in the names of fields, too, in
    whatever form a server has said them back."""
    return _hidden(value, _finder(frozenset(secrets))) if secrets else value


@lru_cache(maxsize=16)
def _finder(secrets: frozenset[str]) -> SecretFinder:
    """One for all texts of an entity, or of a batch."""
    return SecretFinder(secrets)


def _hidden(value: Any, finder: SecretFinder) -> Any:
    if isinstance(value, str):
        return finder.hide(value)
    if isinstance(value, dict):
        return {finder.hide(name): _hidden(inner, finder) for name, inner in value.items()}
    if isinstance(value, list):
        return [_hidden(inner, finder) for inner in value]
    text = _text(value)
    return value if text is None or text not in finder else HIDDEN


def _masked(value: Any, path: tuple[str, ...]) -> Any:
    if not path:
        return None if value is None else HIDDEN
    if isinstance(value, list):
        return [_masked(inner, path[1:] if path[0] == "*" else path) for inner in value]
    if not isinstance(value, dict):
        return value
    if path[0] == "*":
        return {name: _masked(inner, path[1:]) for name, inner in value.items()}
    return {**value, path[0]: _masked(value[path[0]], path[1:])} if path[0] in value else value


def _named(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """The leaves at a path."""
    if isinstance(value, list):
        for inner in value:
            yield from _named(inner, path[1:] if path[:1] == ("*",) else path)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if not path or path[0] in ("*", name):
                yield from _named(inner, path[1:])
    elif not path:
        yield value


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None

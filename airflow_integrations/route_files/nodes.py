"""Plain data that remembers where it stands: one node for every scalar, list and mapping of a file."""

from __future__ import annotations

from typing import Any

from airflow_integrations.errors import Mistake

__all__ = ["MAX_NODES", "Node"]

MAX_NODES = 100_000
"""Nodes in one route, with every alias and reference written out: what bounds "billion laughs" files."""


class Node:
    """``value`` is a scalar, a list of nodes, or a dict of text to node. Lines and columns count from 1.

    ``key_line`` and ``key_column`` say where the key stands that the node is the value of; they are 0 for a list's
    elements and for the document. ``size`` counts the nodes below it and itself. A node never changes once made, so
    one may stand in several trees.
    """

    __slots__ = ("column", "file", "key_column", "key_line", "line", "size", "value")

    def __init__(
        self,
        value: Any,
        file: str,
        line: int,
        column: int,
        *,
        key_line: int = 0,
        key_column: int = 0,
        size: int = 1,
    ) -> None:
        self.value = value
        self.file = file
        self.line = line
        self.column = column
        self.key_line = key_line
        self.key_column = key_column
        self.size = size

    def __repr__(self) -> str:
        return f"Node({self.plain()!r} at {self.file}:{self.line}:{self.column})"

    def under_key(self, line: int, column: int) -> Node:
        """The same node as the value of a key that stands there."""
        return Node(self.value, self.file, self.line, self.column, key_line=line, key_column=column, size=self.size)

    def with_value(self, value: Any) -> Node:
        """Another value in the same place."""
        if isinstance(value, dict):
            size = 1 + sum(inner.size for inner in value.values())
        elif isinstance(value, list):
            size = 1 + sum(inner.size for inner in value)
        else:
            size = 1
        return Node(
            value, self.file, self.line, self.column, key_line=self.key_line, key_column=self.key_column, size=size
        )

    def plain(self) -> Any:
        """The data alone: dicts, lists, text, int, Decimal, bool, None. New containers at every call."""
        value = self.value
        if type(value) is dict:
            return {key: inner.plain() for key, inner in value.items()}
        if type(value) is list:
            return [inner.plain() for inner in value]
        return value

    def get(self, key: str) -> Node | None:
        """The value of a key, where this is a mapping that has it."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def mistake(self, message: str, path: str = "", *, at_key: bool | None = None) -> Mistake:
        """A mistake in this place: a scalar's own, else that of the key it stands under."""
        if at_key is None:
            at_key = isinstance(self.value, (dict, list))
        if at_key and self.key_line:
            return Mistake(self.file, self.key_line, self.key_column, path, message)
        return Mistake(self.file, self.line, self.column, path, message)

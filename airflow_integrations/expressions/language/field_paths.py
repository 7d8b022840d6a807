"""Find the fields below a name that an expression can ever touch, where its text alone tells.

Reading a few fields of a large document is much cheaper than decoding all of it; this says when that is safe.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from airflow_integrations.expressions.expression import Expression
from airflow_integrations.expressions.language.dependencies import Path

__all__ = ["list_path", "only_fields", "plain_path"]


def plain_path(expression: Expression) -> Path | None:
    """``("body", "data", "orders")`` for an expression that is nothing but ``body.data.orders``; else None."""
    return _path(expression.parsed.body)


def list_path(expression: Expression) -> Path | None:
    """As :func:`plain_path`, also for ``body.data.orders or []``."""
    node = expression.parsed.body
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and len(node.values) == 2:
        first, other = node.values
        return _path(first) if isinstance(other, ast.List) and not other.elts else None
    return _path(node)


def only_fields(expressions: Iterable[Expression], name: str) -> frozenset[Path] | None:
    """The fields behind ``name`` that these expressions read, as paths without it.

    None where one of them takes ``name`` as a whole, or reaches into it by anything but written-out field names.
    What is behind an item (``body.pages[0].next``) belongs to the field before it: ``("pages",)``.
    """
    found: set[Path] = set()
    for expression in expressions:
        if not _collect(expression.parsed.body, name, found):
            return None
    return frozenset(found)


def _path(node: ast.expr) -> Path | None:
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        base = _path(node.value)
        return None if base is None else (*base, node.attr)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and type(node.slice.value) is str:
        base = _path(node.value)
        return None if base is None else (*base, node.slice.value)
    return None


def _collect(node: ast.AST, name: str, found: set[Path]) -> bool:
    path = _path(node) if isinstance(node, ast.expr) else None
    if path is not None:
        if path == (name,):
            return False
        if path[0] == name:
            found.add(path[1:])
        return True
    if isinstance(node, ast.comprehension) and any(
        isinstance(target, ast.Name) and target.id == name for target in ast.walk(node.target)
    ):
        return False  # a loop's own variable of that name: not worth telling apart
    return all(_collect(child, name, found) for child in ast.iter_child_nodes(node))

"""Find the kinds of value that an expression may give, as far as it shows without data."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from decimal import Decimal

from airflow_integrations.expressions.functions.catalogue import CATALOGUE
from airflow_integrations.expressions.language.grammar import Parsed

__all__ = ["possible_kinds"]

_KINDS = {"number": "a number", "moment": "a time", "text": "a text"}


def possible_kinds(parsed: Parsed) -> dict[str, str]:
    """A number, a time, a text: each with a part of the expression that gives it. What a field holds does not show."""
    found: dict[str, str] = {}
    for kind, node in _kinds(parsed.body):
        found.setdefault(kind, parsed.segment(node))
    return found


def _kinds(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.IfExp):
        yield from _kinds(node.body)
        yield from _kinds(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _kinds(value)
    elif isinstance(node, ast.JoinedStr):
        yield "a text", node
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield "a text", node
        elif isinstance(node.value, int | Decimal) and not isinstance(node.value, bool):
            yield "a number", node
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "coalesce":
            for argument in node.args:
                yield from _kinds(argument)
        elif (known := CATALOGUE.get(node.func.id)) is not None and known.returns in _KINDS:
            yield _KINDS[known.returns], node

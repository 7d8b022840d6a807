"""Conditions that are none: what is always true, because it is a list, a text or a number."""

from __future__ import annotations

import ast

from airflow_integrations.expressions import Expression
from airflow_integrations.expressions.language.grammar import Parsed

__all__ = ["condition_mistake", "is_condition"]

_KINDS: dict[type[ast.AST], str] = {
    ast.Tuple: "a list of several values",
    ast.List: "a list",
    ast.ListComp: "a list",
    ast.Dict: "an object",
    ast.JoinedStr: "a text",
}


def is_condition(kind: str, option: str) -> bool:
    """Whether the option of a kind decides by true or false."""
    return option.endswith("when") or (kind == "filter" and not option)


def condition_mistake(leaf: object) -> str | None:
    """What is wrong with a condition that gives neither true nor false, whatever it is asked of."""
    if not isinstance(leaf, Expression):
        return None
    body = leaf.parsed.body
    kind = _KINDS.get(type(body))
    if isinstance(body, ast.Constant) and not isinstance(body.value, bool | None):
        kind = "a text" if isinstance(body.value, str) else "a number"
    if kind is None:
        return None
    return f"{leaf} is {kind}, and a condition is true or false{_remedy(body, leaf.parsed)}"


def _remedy(body: ast.expr, parsed: Parsed) -> str:
    first = body.elts[0] if isinstance(body, ast.Tuple) else body
    if isinstance(body, ast.Tuple) and isinstance(first, ast.Compare) and isinstance(first.ops[-1], ast.In | ast.NotIn):
        values = ", ".join(parsed.segment(each) for each in (first.comparators[-1], *body.elts[1:]))
        word = "in" if isinstance(first.ops[-1], ast.In) else "not in"
        return f"; write {parsed.segment(first.left)} {word} [{values}]"
    if isinstance(body, ast.Tuple | ast.List) and body.elts:
        return f"; write {' and '.join(map(parsed.segment, body.elts))}"
    return "; compare it with something, such as == or in"

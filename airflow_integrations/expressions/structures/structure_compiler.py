"""A structure to one Python function, and from an error back to the field that failed."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from airflow_integrations.errors import EntityError, SetupError
from airflow_integrations.expressions.evaluation import guards
from airflow_integrations.expressions.evaluation.compiler import Policy, call, function, name, needs_plain
from airflow_integrations.expressions.evaluation.error_locator import Fault, Walker, unset_names, words_for
from airflow_integrations.expressions.evaluation.limits import LimitError
from airflow_integrations.expressions.expression import Compiled
from airflow_integrations.expressions.language.grammar import Parsed
from airflow_integrations.expressions.structures.structure_tree import Const, Each, Leaf, Members, Node

__all__ = ["assemble", "locate"]


def assemble(
    node: Node, names: Iterable[str], explain: Callable[[Exception, Mapping[str, Any]], Exception]
) -> Compiled:
    """One function that builds the whole structure."""
    policy = Policy()
    return function(_emit(node, policy), names, policy, explain)


def _emit(node: Node, policy: Policy) -> ast.expr:
    if isinstance(node, Leaf):
        body = policy.translate(node.parsed)
        return call("_plain", body) if needs_plain(node.parsed.body) else body
    if isinstance(node, Const):
        return _literal(node.value, policy)
    if isinstance(node, Members):
        keys: list[ast.expr | None] = [ast.Constant(key) for key in node.members]
        built = ast.Dict(keys, [_emit(inner, policy) for inner in node.members.values()])
        return (
            call("_without", built, ast.Tuple([ast.Constant(key) for key in node.optional], ast.Load()))
            if node.optional
            else built
        )
    with policy.iterable():
        over = call("_each_or_none", policy.translate(node.over), name("_m"))
    with policy.loop():
        conditions: list[ast.expr] = [call("_verdict", policy.translate(node.where))] if node.where else []
        body = _emit(node.body, policy)
    return ast.ListComp(body, [ast.comprehension(ast.Name(node.name, ast.Store()), over, conditions, 0)])


def _literal(value: Any, policy: Policy) -> ast.expr:
    """Fixed data, built anew for each entity: nobody shares a list with another entity."""
    if isinstance(value, Decimal):
        return policy.constant(value)
    if isinstance(value, dict):
        return ast.Dict([ast.Constant(key) for key in value], [_literal(inner, policy) for inner in value.values()])
    if isinstance(value, list):
        return ast.List([_literal(inner, policy) for inner in value], ast.Load())
    return ast.Constant(value)


def locate(node: Node, needed: Iterable[str], error: Exception, names: Mapping[str, Any]) -> Exception:
    """The EntityError for what went wrong, with the field at fault."""
    if unset := unset_names(needed, names):
        return unset
    if isinstance(error, (LimitError, MemoryError)):
        return EntityError(words_for(error))
    search = _Search()
    try:
        search.visit(node, dict(names), ())
    except _Found as found:
        place = ".".join(found.place)
        return EntityError(f"{place}: {found.reason}" if place else found.reason, field=place or None)
    except SetupError as setup:
        return setup
    except Exception as other:
        error = other
    return EntityError(words_for(error))


class _Found(Exception):
    def __init__(self, place: tuple[str, ...], reason: str) -> None:
        self.place = place
        self.reason = reason


class _Search:
    """Evaluates leaf after leaf until one fails."""

    def __init__(self) -> None:
        self.meter = [0, 0]

    def _value(
        self, parsed: Parsed, names: Mapping[str, Any], place: tuple[str, ...], then: Callable[[Any], Any]
    ) -> Any:
        try:
            return then(Walker(parsed, names, self.meter).run())
        except Fault as fault:
            raise _Found(place, str(fault)) from None
        except SetupError:
            raise
        except Exception as error:
            raise _Found(place, f"{parsed.segment(parsed.body)}: {words_for(error)}") from None

    def visit(self, node: Node, names: dict[str, Any], place: tuple[str, ...]) -> None:
        if isinstance(node, Leaf):
            self._value(node.parsed, names, place, guards.plain)
        elif isinstance(node, Members):
            for key, inner in node.members.items():
                self.visit(inner, names, (*place, key))
        elif isinstance(node, Each):
            elements = self._value(node.over, names, place, lambda value: guards.each_or_none(value, self.meter))
            for index, element in enumerate(elements):
                inner_names = {**names, node.name: element}
                at = (*place, str(index))
                if node.where is None or self._value(node.where, inner_names, at, guards.verdict):
                    self.visit(node.body, inner_names, at)

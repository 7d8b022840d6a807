"""Finds who is to blame when an expression failed: evaluates it again, step by step, and stops at the culprit.

Compiled expressions carry no bookkeeping; this is what an error costs instead.
"""

from __future__ import annotations

import ast
import decimal
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from airflow_integrations.errors import EntityError, SetupError
from airflow_integrations.expressions.evaluation import guards, meter
from airflow_integrations.expressions.evaluation.limits import ARITHMETIC
from airflow_integrations.expressions.functions.catalogue import CATALOGUE
from airflow_integrations.expressions.language.grammar import LAZY, Parsed

__all__ = ["Fault", "Walker", "unset_names", "words_for"]

_BINARY: dict[type[ast.operator], tuple[Callable[[Any, Any], Any], str]] = {
    ast.Add: (operator.add, "{left} and {right} cannot be added"),
    ast.Sub: (operator.sub, "{right} cannot be subtracted from {left}"),
    ast.Mult: (guards.multiply, "{left} cannot be multiplied by {right}"),
    ast.Div: (guards.divide, "{left} cannot be divided by {right}"),
    ast.FloorDiv: (operator.floordiv, "{left} cannot be divided by {right}"),
    ast.Mod: (guards.remainder, "{left} cannot be divided by {right}"),
    ast.Pow: (guards.power, "{left} cannot be raised to {right}"),
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}


class Fault(Exception):
    """The sub-expression at fault, and why."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where = where
        self.reason = reason


def words_for(error: BaseException) -> str:
    """The reason behind an exception, in words for people. No value of the payload is in it."""
    if isinstance(error, EntityError):
        return error.reason
    if isinstance(error, decimal.Inexact):
        return "the result has more digits than can be kept"
    if isinstance(error, ZeroDivisionError):
        return "division by zero"
    if isinstance(error, decimal.InvalidOperation):
        return "the numbers do not allow it"
    if isinstance(error, RecursionError):
        return "the value is nested too deeply"
    if isinstance(error, MemoryError):
        return "the result does not fit in memory"
    if isinstance(error, TypeError):
        return "the values are of the wrong kind"
    return "the value is not usable here"


def unset_names(needed: Iterable[str], names: Mapping[str, Any]) -> EntityError | None:
    """The error for names that an expression needs and the caller did not give."""
    unset = sorted(set(needed) - set(names))
    return EntityError(f"{', '.join(unset)}: not known here") if unset else None


class Walker:
    """Evaluates checked expressions node by node, with the same guards as compiled ones."""

    def __init__(self, parsed: Parsed, names: Mapping[str, Any], meter: list[int]) -> None:
        self.parsed = parsed
        self.names = dict(names)
        self.meter = meter

    def run(self) -> Any:
        """The value. Raises Fault (or SetupError)."""
        saved = decimal.getcontext()
        decimal.setcontext(ARITHMETIC)
        try:
            return self.value(self.parsed.body)
        except RecursionError as error:
            raise Fault(self.parsed.text[:80], words_for(error)) from None
        finally:
            decimal.setcontext(saved)

    def fault(self, node: ast.AST, reason: str) -> Fault:
        return Fault(self.parsed.segment(node), reason)

    def value(self, node: ast.expr) -> Any:
        handler: Callable[[Any], Any] = getattr(self, f"_{type(node).__name__.lower()}")
        try:
            return handler(node)
        except (Fault, SetupError, RecursionError):
            raise
        except Exception as error:
            raise self.fault(node, words_for(error)) from None

    def _blaming(self, node: ast.expr, step: Callable[[], Any]) -> Any:
        """A step whose errors are about ``node``, the value that it looks into."""
        try:
            return step()
        except (Fault, SetupError, RecursionError):
            raise
        except Exception as error:
            raise self.fault(node, words_for(error)) from None

    def _constant(self, node: ast.Constant) -> Any:
        return node.value

    def _name(self, node: ast.Name) -> Any:
        if node.id not in self.names:
            raise self.fault(node, f"{node.id!r} is not set here")
        return self.names[node.id]

    def _attribute(self, node: ast.Attribute) -> Any:
        base = self.value(node.value)
        return self._blaming(node.value, lambda: guards.field(base, node.attr))

    def _subscript(self, node: ast.Subscript) -> Any:
        base = self.value(node.value)
        if isinstance(node.slice, ast.Slice):
            bounds = [
                self.value(part) if part else None for part in (node.slice.lower, node.slice.upper, node.slice.step)
            ]
            return self._blaming(node, lambda: guards.cut(base, *bounds))
        key = self.value(node.slice)
        return self._blaming(node.value, lambda: guards.item(base, key))

    def _binop(self, node: ast.BinOp) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        compute, sentence = _BINARY[type(node.op)]
        for side, operand in ((left, node.left), (right, node.right)):
            if side is None:
                raise self.fault(operand, f"it is missing, in {self.parsed.segment(node)}")
        try:
            return meter.kept(compute(left, right), self.meter)
        except TypeError:
            reason = sentence.format(left=guards.kind_of(left), right=guards.kind_of(right))
            remedy = "; write decimal(…) around text" if str in (type(left), type(right)) else ""
            raise self.fault(node, reason + remedy) from None

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        operand = self.value(node.operand)
        if operand is None and not isinstance(node.op, ast.Not):
            raise self.fault(node.operand, "it is missing")
        return _UNARY[type(node.op)](operand)

    def _boolop(self, node: ast.BoolOp) -> Any:
        stop_at = isinstance(node.op, ast.Or)
        result = None
        for operand in node.values:
            result = self.value(operand)
            if bool(result) is stop_at:
                break
        return result

    def _ifexp(self, node: ast.IfExp) -> Any:
        return self.value(node.body if self.value(node.test) else node.orelse)

    def _compare(self, node: ast.Compare) -> Any:
        left, left_node = self.value(node.left), node.left
        result: Any = True
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.value(right_node)
            try:
                result = _COMPARE[type(op)](left, right)
            except TypeError:
                for side, operand in ((left, left_node), (right, right_node)):
                    if side is None:
                        raise self.fault(
                            operand, f"it is missing, in {self.parsed.segment(node)}; write `is not None and` before it"
                        ) from None
                reason = f"{guards.kind_of(left)} and {guards.kind_of(right)} cannot be compared"
                for side, operand, other in ((left, left_node, right), (right, right_node, left)):
                    if isinstance(side, str) and guards.kind_of(other) == "a number":
                        reason += f"; write integer({self.parsed.segment(operand)}), or decimal(…)"
                raise self.fault(node, reason) from None
            if not result:
                break
            left, left_node = right, right_node
        return result

    def _list(self, node: ast.List) -> Any:
        return [self.value(element) for element in node.elts]

    def _tuple(self, node: ast.Tuple) -> Any:
        return tuple(self.value(element) for element in node.elts)

    def _set(self, node: ast.Set) -> Any:
        return {self.value(element) for element in node.elts}

    def _dict(self, node: ast.Dict) -> Any:
        result: dict[Any, Any] = {}
        for key, inner in zip(node.keys, node.values, strict=True):
            value = self.value(inner)
            if key is not None:
                result[self.value(key)] = value
            elif isinstance(value, Mapping):
                result.update(value)
            else:
                raise self.fault(inner, f"it is {guards.kind_of(value)}, not an object")
        return result

    def _joinedstr(self, node: ast.JoinedStr) -> Any:
        parts: list[str] = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                inner, value = part, self.value(part.value)
                if inner.format_spec is None:
                    parts.append(self._blaming(inner.value, lambda value=value: guards.text_of(value)))  # type: ignore[misc]
                else:
                    spec = "".join(str(c.value) for c in ast.walk(inner.format_spec) if isinstance(c, ast.Constant))
                    parts.append(
                        self._blaming(inner.value, lambda value=value, spec=spec: guards.formatted(value, spec))  # type: ignore[misc]
                    )
            else:
                parts.append(str(self.value(part)))
        return meter.kept("".join(parts), self.meter)

    def _listcomp(self, node: ast.ListComp | ast.GeneratorExp) -> Any:
        return [self.value(node.elt) for _ in self._rounds(node.generators)]

    _generatorexp = _listcomp

    def _dictcomp(self, node: ast.DictComp) -> Any:
        return {self._key(node.key): self.value(node.value) for _ in self._rounds(node.generators)}

    def _key(self, node: ast.expr) -> Any:
        key = self.value(node)
        return self._blaming(node, lambda: meter.loop_key(key))

    def _rounds(self, loops: list[ast.comprehension]) -> Iterator[None]:
        if not loops:
            yield
            return
        first, *rest = loops
        iterable = self.value(first.iter)
        elements = self._blaming(first.iter, lambda: guards.each(iterable, self.meter))
        outer = self.names
        try:
            for element in elements:
                self.names = dict(outer)
                self._bind(first.target, element)
                if all(self.value(condition) for condition in first.ifs):
                    yield from self._rounds(rest)
        finally:
            self.names = outer

    def _bind(self, target: ast.expr, element: Any) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = element
            return
        assert isinstance(target, ast.Tuple)
        try:
            parts = list(element)
        except TypeError:
            raise self.fault(target, f"an element is {guards.kind_of(element)}, not a pair") from None
        if len(parts) != len(target.elts):
            raise self.fault(target, f"an element has {len(parts)} parts, not {len(target.elts)}")
        for inner, part in zip(target.elts, parts, strict=True):
            self._bind(inner, part)

    def _call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Attribute):
            base_node, attr = node.func.value, node.func.attr
            base = self.value(base_node)
            called = self._blaming(base_node, lambda: guards.method(base, attr))
        else:
            assert isinstance(node.func, ast.Name)
            known = CATALOGUE[node.func.id]
            called = partial(known.call, self.meter) if known.metered else known.call
        args: list[Any] = []
        for argument in node.args:
            lazy = isinstance(node.func, ast.Name) and node.func.id in LAZY and isinstance(argument, ast.GeneratorExp)
            args.append(
                self._lazily(argument) if lazy and isinstance(argument, ast.GeneratorExp) else self.value(argument)
            )
        options = {str(keyword.arg): self.value(keyword.value) for keyword in node.keywords}
        try:
            return meter.kept(called(*args, **options), self.meter)
        except TypeError as error:
            raise self._misfit(node, args, words_for(error)) from None

    def _misfit(self, node: ast.Call, args: list[Any], reason: str) -> Fault:
        """A call that its arguments do not fit: one of them is missing, or a list holds different kinds."""
        whole = self.parsed.segment(node)
        for given, argument in zip(args, node.args, strict=True):
            if given is None:
                return self.fault(argument, f"it is missing, in {whole}")
            if isinstance(given, list) and None in given:
                element = argument.elt if isinstance(argument, (ast.ListComp, ast.GeneratorExp)) else argument
                return self.fault(element, f"number {given.index(None) + 1} of its values is missing, in {whole}")
            kinds = dict.fromkeys(map(guards.kind_of, given)) if isinstance(given, list) else ()
            if len(kinds) > 1 or set(kinds) & {"text", "an object"}:
                remedy = "; write decimal(…) around text" if "text" in kinds else ""
                return self.fault(node, f"it cannot use a list of {' and '.join(kinds)}{remedy}")
        return self.fault(node, reason)

    def _lazily(self, node: ast.GeneratorExp) -> Iterator[Any]:
        return (self.value(node.elt) for _ in self._rounds(node.generators))

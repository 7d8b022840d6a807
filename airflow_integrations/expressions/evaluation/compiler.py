"""Checked expressions to Python functions. Imported when the first one is compiled: RestrictedPython takes a while.

RestrictedPython's policy visits every node and refuses what it does not know. Where it would put a call around each
access, this policy writes the short path out: an exact ``dict`` is asked with ``get``, everything else goes through
``guards``. Nothing here ever reads an attribute of a value by a name from an expression.
"""

from __future__ import annotations

import ast
import copy
import decimal
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from typing import Any

from RestrictedPython.transformer import RestrictingNodeTransformer

from airflow_integrations.expressions.evaluation import guards, meter
from airflow_integrations.expressions.evaluation.limits import ARITHMETIC, LimitError, measure
from airflow_integrations.expressions.functions.catalogue import CATALOGUE, Function
from airflow_integrations.expressions.language.grammar import LAZY, Parsed

__all__ = ["Policy", "call", "function", "name", "needs_plain"]

_GUARDS: dict[str, Any] = {
    "_cut": guards.cut,
    "_divide": guards.divide,
    "_each": guards.each,
    "_each_or_none": guards.each_or_none,
    "_field": guards.field,
    "_formatted": guards.formatted,
    "_item": guards.item,
    "_kept": meter.kept,
    "_key": meter.loop_key,
    "_measure": measure,
    "_method": guards.method,
    "_multiply": guards.multiply,
    "_pieces": meter.pieces,
    "_plain": guards.plain,
    "_power": guards.power,
    "_remainder": guards.remainder,
    "_same": meter.same,
    "_scanned": meter.scanned,
    "_text": guards.text_of,
    "_verdict": guards.verdict,
    "_weighed": meter.weighed,
    "_without": guards.without,
    "_dict": dict,
    "_str": str,
    "_type": type,
    "_Exception": Exception,
    "_KeyError": KeyError,
    "_LimitError": LimitError,
    "_getcontext": decimal.getcontext,
    "_setcontext": decimal.setcontext,
    "_arithmetic": ARITHMETIC,
}
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Mult: "_multiply",
    ast.Div: "_divide",
    ast.Mod: "_remainder",
    ast.Pow: "_power",
}


def name(word: str) -> ast.Name:
    return ast.Name(word, ast.Load())


def call(word: str, *args: ast.expr) -> ast.Call:
    return ast.Call(name(word), list(args), [])


class Policy(RestrictingNodeTransformer):
    """Translates one or more checked expressions into guarded ones that share a function."""

    def __init__(self) -> None:
        super().__init__([], [], {})
        self.constants: dict[str, Any] = {}
        self.loops = False
        self.metered = False
        self.numbers = False
        self._in_iterable = 0
        self._in_loop = 0

    def translate(self, parsed: Parsed) -> ast.expr:
        translated: ast.expr = self.visit(copy.deepcopy(parsed.body))
        if self.errors:
            raise ValueError("; ".join(self.errors))
        return translated

    def constant(self, value: Any) -> ast.expr:
        """A value that code cannot hold literally."""
        word = f"_c{len(self.constants)}"
        self.constants[word] = value
        return name(word)

    @contextmanager
    def iterable(self) -> Any:
        """Within: what a loop goes through, where Python allows no assignment."""
        self._in_iterable += 1
        yield
        self._in_iterable -= 1

    @contextmanager
    def loop(self) -> Any:
        """Within: what is evaluated once per element."""
        self.loops = self.metered = True
        self._in_loop += 1
        yield
        self._in_loop -= 1

    def _grown(self, built: ast.expr, guard: str = "_kept") -> ast.expr:
        """What may be long, charged to what one entity may build."""
        self.metered = True
        return call(guard, built, name("_m"))

    def _read_through(self, searched: ast.expr, written: ast.expr, guard: str = "_weighed") -> ast.expr:
        """What is gone through, charged to the steps of the entity where it may be long."""
        if isinstance(written, (ast.Constant, ast.Set, ast.Tuple, ast.List)):
            return searched
        self.metered = True
        return call(guard, searched, name("_m"))

    def _when(
        self, kind: str, base: ast.expr, short: Callable[[ast.expr], ast.expr], long: Callable[[ast.expr], ast.expr]
    ) -> ast.expr:
        """``short`` where the base is exactly of that kind, else ``long``; the base is evaluated once."""
        if isinstance(base, ast.Name):
            probe = base
        elif self._in_iterable:
            return long(base)
        else:
            probe = name("_t")
            base = ast.NamedExpr(ast.Name("_t", ast.Store()), base)
        test = ast.Compare(ast.Call(name("_type"), [base], []), [ast.Is()], [name(kind)])
        return ast.IfExp(test, short(probe), long(probe))

    def _hop(self, base: ast.expr, key: str) -> ast.expr:
        word = ast.Constant(key)
        return self._when(
            "_dict",
            base,
            lambda probe: ast.Call(ast.Attribute(probe, "get", ast.Load()), [word], []),
            lambda probe: call("_field", probe, word),
        )

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return self.constant(node.value) if isinstance(node.value, decimal.Decimal) else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return self._hop(self.visit(node.value), node.attr)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        base = self.visit(node.value)
        if isinstance(node.slice, ast.Slice):
            bounds = [node.slice.lower, node.slice.upper, node.slice.step]
            parts = [self.visit(part) if part else ast.Constant(None) for part in bounds]
            if not all(part is None or _is_number(part) for part in bounds):
                return self._grown(call("_cut", base, *parts))
            slicing = ast.Slice(*(part and result for part, result in zip(bounds, parts, strict=True)))
            taken = self._when(
                "_str",
                base,
                lambda probe: ast.Subscript(probe, slicing, ast.Load()),
                lambda probe: call("_cut", probe, *copy.deepcopy(parts)),
            )
            return taken if _is_short(node.slice) else self._grown(taken)
        if isinstance(node.slice, ast.Constant) and type(node.slice.value) is str:
            return self._hop(base, node.slice.value)
        return call("_item", base, self.visit(node.slice))

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.numbers = True
        exact = _is_decimal(node.left) or _is_decimal(node.right)
        left, right = self.visit(node.left), self.visit(node.right)
        guard = _OPERATORS.get(type(node.op))
        if guard and not (exact and isinstance(node.op, ast.Mult)):
            return self._grown(call(guard, left, right)) if isinstance(node.op, ast.Mult) else call(guard, left, right)
        native = ast.BinOp(left, node.op, right)
        return self._grown(native) if isinstance(node.op, ast.Add) and not exact else native

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.numbers = self.numbers or not isinstance(node.op, ast.Not)
        return ast.UnaryOp(node.op, self.visit(node.operand))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        arguments: list[ast.expr] = []
        for argument in node.args:
            lazy = isinstance(node.func, ast.Name) and node.func.id in LAZY
            arguments.append(
                self._generator(argument) if lazy and isinstance(argument, ast.GeneratorExp) else self.visit(argument)
            )
        keywords = [ast.keyword(keyword.arg, self.visit(keyword.value)) for keyword in node.keywords]
        if isinstance(node.func, ast.Attribute):
            base = self.visit(node.func.value)
            if self._in_loop:
                base = self._read_through(base, node.func.value)
            found = call("_method", base, ast.Constant(node.func.attr))
            called = ast.Call(found, arguments, keywords)
            if node.func.attr in _TELLING:
                return called
            return self._grown(called, "_pieces" if node.func.attr in _PIECEWISE else "_kept")
        assert isinstance(node.func, ast.Name)
        return self._function(CATALOGUE[node.func.id], node, arguments, keywords)

    def _function(
        self, known: Function, node: ast.Call, arguments: list[ast.expr], keywords: list[ast.keyword]
    ) -> ast.expr:
        self.numbers = self.numbers or known.returns == "number"
        word = f"_f_{known.name}"
        self.constants[word] = known.call
        if known.reads != "little":
            guard = "_scanned" if known.reads == "all" else "_weighed"
            arguments = [
                argument if isinstance(argument, ast.GeneratorExp) else self._read_through(argument, written, guard)
                for argument, written in zip(arguments, node.args, strict=True)
            ]
            keywords = [
                ast.keyword(keyword.arg, self._read_through(keyword.value, written.value, guard))
                for keyword, written in zip(keywords, node.keywords, strict=True)
            ]
        if known.metered:
            self.metered = True
            arguments = [name("_m"), *arguments]
        called = ast.Call(name(word), arguments, keywords)
        return called if known.builds == "nothing" else self._grown(called, _BUILT[known.builds])

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        left, rights = self.visit(node.left), [self.visit(right) for right in node.comparators]
        if not self._in_loop:
            return ast.Compare(left, node.ops, rights)
        if len(rights) == 1 and isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
            if isinstance(node.left, ast.Constant) or isinstance(node.comparators[0], ast.Constant):
                return ast.Compare(left, node.ops, rights)
            self.metered = True
            equal = call("_same", left, rights[0], name("_m"))
            return equal if isinstance(node.ops[0], ast.Eq) else ast.UnaryOp(ast.Not(), equal)
        rights = [
            right if isinstance(op, (ast.Is, ast.IsNot)) else self._read_through(right, written)
            for op, right, written in zip(node.ops, rights, node.comparators, strict=True)
        ]
        return ast.Compare(left, node.ops, rights)

    def visit_Dict(self, node: ast.Dict) -> ast.expr:
        keys = [self.visit(key) if key is not None else None for key in node.keys]
        built = ast.Dict(keys, [self.visit(value) for value in node.values])
        return self._grown(built) if None in keys else built

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        parts: list[ast.expr] = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                value = self.visit(part.value)
                if part.format_spec is None:
                    shown = call("_text", value)
                else:
                    assert isinstance(part.format_spec, ast.JoinedStr)
                    spec = "".join(
                        str(inner.value) for inner in part.format_spec.values if isinstance(inner, ast.Constant)
                    )
                    shown = call("_formatted", value, ast.Constant(spec))
                parts.append(ast.FormattedValue(shown, -1, None))
            else:
                parts.append(part)
        return self._grown(ast.JoinedStr(parts))

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        return self.visit_ListComp(ast.ListComp(node.elt, node.generators))

    def _generator(self, node: ast.GeneratorExp) -> ast.expr:
        generators = self._generators(node.generators)
        with self.loop():
            return ast.GeneratorExp(self.visit(node.elt), generators)

    def visit_ListComp(self, node: ast.ListComp) -> ast.expr:
        generators = self._generators(node.generators)
        with self.loop():
            return ast.ListComp(self.visit(node.elt), generators)

    def visit_DictComp(self, node: ast.DictComp) -> ast.expr:
        generators = self._generators(node.generators)
        with self.loop():
            return ast.DictComp(call("_key", self.visit(node.key)), self.visit(node.value), generators)

    def _generators(self, loops: list[ast.comprehension]) -> list[ast.comprehension]:
        translated = []
        for loop in loops:
            with self.iterable():
                iterable = call("_each", self.visit(loop.iter), name("_m"))
            with self.loop():
                conditions = [self.visit(condition) for condition in loop.ifs]
            translated.append(ast.comprehension(self.visit(loop.target), iterable, conditions, 0))
        return translated


_PIECEWISE = frozenset({"split", "rsplit", "splitlines"})
"""Methods that make a list and the elements in it."""
_BUILT = {"whole": "_kept", "pieces": "_pieces"}
_TELLING = frozenset(
    {"count", "endswith", "find", "index", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "islower"}
    | {"isnumeric", "isspace", "isupper", "rfind", "startswith"}
)
"""Methods that tell something of a text or list, and build nothing."""


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant) and type(node.value) is int


def _is_short(cut: ast.Slice) -> bool:
    """Whether a cut takes so few parts, whatever it is taken of, that nobody would count them."""
    ends = [end.value if isinstance(end, ast.Constant) else None for end in (cut.lower or ast.Constant(0), cut.upper)]
    return all(type(end) is int and end <= meter.SHORT for end in ends)


def _is_decimal(node: ast.expr) -> bool:
    """Whether a node can only give a Decimal: then a product with it is bounded by the arithmetic's context."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id == "decimal"
    return isinstance(node, ast.Constant) and isinstance(node.value, decimal.Decimal)


_FRAME = """
def _function(_names):
    try:
        _m = _names.get("_meter") or [0, 0]
        _saved = _getcontext()
        _setcontext(_arithmetic)
        try:
            _result = _body
        finally:
            _setcontext(_saved)
        if _m[0] > 100:
            _measure(_result)
        return _result
    except _Exception as _error:
        raise _explain(_error, _names) from None
"""


def function(
    body: ast.expr,
    names: Iterable[str],
    policy: Policy,
    explain: Callable[[Exception, Mapping[str, Any]], Exception],
) -> Callable[[Mapping[str, Any]], Any]:
    """One function of the names. ``explain`` turns whatever was raised into what is to be raised."""
    frame = ast.parse(_FRAME)
    definition = frame.body[0]
    assert isinstance(definition, ast.FunctionDef)
    guarded = definition.body[0]
    assert isinstance(guarded, ast.Try)
    meter, saved, setting, computing, measuring, answer = guarded.body
    assert isinstance(computing, ast.Try)
    result = computing.body[0]
    assert isinstance(result, ast.Assign)
    result.value = body
    lines: list[ast.stmt] = [
        ast.Assign([ast.Name(word, ast.Store())], ast.Subscript(name("_names"), ast.Constant(word), ast.Load()))
        for word in sorted(names)
    ]
    if policy.metered or policy.loops:
        lines.append(meter)
    lines += [saved, setting, computing] if policy.numbers else [result]
    if policy.loops:
        lines.append(measuring)
    guarded.body = [*lines, answer]
    ast.fix_missing_locations(frame)
    space: dict[str, Any] = {"__builtins__": {}, **_GUARDS, **policy.constants, "_explain": explain}
    exec(compile(frame, "<expression>", "exec", dont_inherit=True), space)  # noqa: S102
    compiled: Callable[[Mapping[str, Any]], Any] = space["_function"]
    return compiled


def needs_plain(node: ast.expr) -> bool:
    """Whether an expression may give a moment, which JSON cannot hold: moments come from few places."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and inner.id in ("window", "var", "params", "request"):
            return True
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name):
            known = CATALOGUE.get(inner.func.id)
            if known is not None and known.returns == "moment":
                return True
    return False

"""The language of expressions: the part of Python that may be written, and the remedy for each part that may not."""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import airflow_integrations.expressions.functions  # noqa: F401  (fills the catalogue)
from airflow_integrations.config.suggestions import suggestion
from airflow_integrations.expressions.evaluation.methods import METHOD_NAMES
from airflow_integrations.expressions.functions.catalogue import CATALOGUE
from airflow_integrations.expressions.remedies.habits import called_on_module, misread
from airflow_integrations.expressions.remedies.syntax import (
    SECRET,
    bare_template,
    before_reading,
    filter_remedy,
    syntax_remedy,
)
from airflow_integrations.expressions.remedies.words import FOREIGN_FUNCTIONS, FOREIGN_METHODS

__all__ = ["LAZY", "Parsed", "parse", "usable_name"]

MAX_LENGTH = 10_000
"""Characters of one expression."""
MAX_DEPTH = 60
"""How deeply an expression may be nested: compilers recurse."""

LAZY = frozenset({"any", "all"})
"""Functions that stop early: a loop given to them is run only as far as it is asked for."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A checked expression. Decimal literals hold a Decimal."""

    text: str
    source: str
    """What the tree's positions count in."""
    body: ast.expr

    def segment(self, node: ast.AST) -> str:
        """A sub-expression as it was written, shortened."""
        text = " ".join((ast.get_source_segment(self.source, node) or self.text).split())
        return text if len(text) <= 80 else f"{text[:77]}…"


def parse(text: str, holder: str = "order") -> Parsed:
    """Check an expression. Raises ValueError that says what is wrong and what to write instead.

    ``holder`` is the name that a field most likely belongs to, for what is written instead.
    """
    stripped = text.strip()
    if not stripped:
        raise ValueError("the expression is empty; for an empty text write {const: ''}")
    if len(stripped) > MAX_LENGTH:
        raise ValueError(f"the expression has {len(stripped)} characters; at most {MAX_LENGTH} are allowed")
    if SECRET.match(stripped):
        raise ValueError("a secret stands in the Connection, which signs in with it; take it out")
    if "{{" in stripped or "{%" in stripped:
        bare = bare_template(stripped, holder)
        remedy = f": {bare}" if bare else ', or an f-string for text: f"WEB-{order.number}"'
        raise ValueError(f"this is an expression, not a template: write it without {{{{ }}}}{remedy}")
    if (refused := before_reading(stripped, holder)) is not None:
        raise ValueError(refused)
    source, body = _read(stripped, holder)
    if isinstance(body, ast.Constant) and isinstance(body.value, str):
        _quoted_field(body.value, holder)
    _Check(source).visit(body)
    return Parsed(stripped, source, body)


def _quoted_field(text: str, holder: str) -> None:
    """``'"order.number"'``: the quotes of YAML are enough, those within make a fixed text."""
    if re.fullmatch(rf"(?:{re.escape(holder)}|order|source|body)(?:\.[A-Za-z_]\w*)+", text):
        raise ValueError(f"the inner quotes make a fixed text of it; write {text}, or {{const: {text}}} for this text")


def _read(text: str, holder: str) -> tuple[str, ast.expr]:
    attempts = [text, f"({text}\n)"] if "\n" in text else [text]
    error: Exception | None = None
    for source in attempts:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "\d" in a pattern is fine
                return source, ast.parse(source, mode="eval").body
        except SyntaxError as caught:
            error = error or caught
        except (ValueError, RecursionError, MemoryError) as caught:
            raise ValueError(f"the expression cannot be read: {caught or 'it is nested too deeply'}") from None
    assert isinstance(error, SyntaxError)
    place = f" at character {error.offset}" if error.offset and error.lineno == 1 else ""
    raise ValueError(f"the expression cannot be read{place}: {error.msg}{_habit(text, holder)}") from None


def _habit(text: str, holder: str) -> str:
    for access in re.finditer(r"([\w.]+)\.(\w+)", text):
        if keyword.iskeyword(access.group(2)):
            return f'; write {access.group(1)}["{access.group(2)}"]: {access.group(2)} is a word of Python'
    return syntax_remedy(text, holder)


def usable_name(word: str) -> bool:
    """Whether a loop or a route may call something so: RestrictedPython keeps some names for itself."""
    kept = word in {"print", "printed", "builtins", "breakpoint"} or word.startswith("_") or word.endswith("__roles__")
    return word.isidentifier() and not keyword.iskeyword(word) and not kept


_WORDS = {"true": "True", "false": "False", "null": "None", "none": "None", "nil": "None", "undefined": "None"}
_REFUSED: dict[type[ast.AST], str] = {
    ast.Lambda: 'lambda is not part of expressions; write a loop [… for x in …], or sort_by(list, "field") for sorting',
    ast.NamedExpr: "`:=` is not part of expressions; write the value where it is needed",
    ast.Await: "await is not part of expressions",
    ast.Yield: "yield is not part of expressions; write a list [… for x in …]",
    ast.YieldFrom: "yield is not part of expressions; write a list [… for x in …]",
    ast.Starred: "`*` before a value is not part of expressions; write a + b for lists, max(values) for max(*values)",
    ast.SetComp: "a set has no order; write a list [… for x in …], or unique([…])",
}
_OPERATORS: dict[type[ast.AST], str] = {
    ast.BitAnd: "write `and` for &",
    ast.BitOr: "write `or` for |; to join objects write {**a, **b}",
    ast.BitXor: "`^` is not part of expressions; powers are written **",
    ast.LShift: "`<<` is not part of expressions",
    ast.RShift: "`>>` is not part of expressions",
    ast.MatMult: "`@` is not part of expressions",
    ast.Invert: "write `not` for ~",
}
_PLAIN = (
    ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.IfExp, ast.List, ast.ListComp, ast.GeneratorExp, ast.DictComp,
    ast.boolop, ast.operator, ast.unaryop, ast.cmpop, ast.expr_context, ast.Slice,
)  # fmt: skip


def _is_remedy(right: ast.expr) -> str:
    word = right.id.lower() if isinstance(right, ast.Name) else ""
    if word in _WORDS and _WORDS[word] == "None":
        return f"write `is None` for is {right.id}"  # type: ignore[attr-defined]
    if word in ("defined", "set", "present", "exists"):
        return f"write `is not None` for is {word}"
    return "`is` is for None only; write == to compare values"


def _words_in(node: ast.expr) -> list[str]:
    """The words of ``"paid,sent"``, which people take for a list."""
    if not isinstance(node, ast.Constant) or type(node.value) is not str or "," not in node.value:
        return []
    words = [word.strip() for word in node.value.split(",")]
    return words if all(re.fullmatch(r"[\w\-]{2,}", word) for word in words) else []


class _Check(ast.NodeVisitor):
    """Refuses what is not in the language; turns float literals into Decimal as they were written."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.depth = 0

    def visit(self, node: ast.AST) -> None:
        if type(node) in _REFUSED:
            raise ValueError(_REFUSED[type(node)])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            self._pipe(node)
        if (meant := misread(node, self._written)) is not None:
            raise ValueError(meant)
        if type(node) in _OPERATORS:
            raise ValueError(_OPERATORS[type(node)])
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ValueError(f"the expression is nested more than {MAX_DEPTH} deep; set parts of it as fields first")
        super().visit(node)
        self.depth -= 1

    def _written(self, node: ast.AST) -> str:
        return ast.get_source_segment(self.source, node) or "value"

    def _pipe(self, node: ast.BinOp) -> None:
        used = node.right.func if isinstance(node.right, ast.Call) else node.right
        value = ast.get_source_segment(self.source, node.left) or "value"
        if isinstance(used, ast.Name) and (remedy := filter_remedy(value, used.id)) is not None:
            raise ValueError(f"`| {used.id}` is a filter, and filters are for templates; write {remedy}")

    def generic_visit(self, node: ast.AST) -> None:
        if not isinstance(node, _PLAIN):
            raise ValueError(f"{type(node).__name__} is not part of expressions")
        super().generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if type(node.value) is float:
            written = (ast.get_source_segment(self.source, node) or repr(node.value)).replace("_", "")
            node.value = Decimal(written)  # type: ignore[assignment]
        elif node.value is not None and type(node.value) not in (str, int, bool):
            raise ValueError(
                f"{ast.get_source_segment(self.source, node)} is not part of expressions; use text or numbers"
            )

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in _WORDS:
            raise ValueError(f"write {_WORDS[node.id]} for {node.id}")
        if not usable_name(node.id):
            raise ValueError(f"{node.id!r} cannot be a name here")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr.startswith("_"):
            whole = ast.get_source_segment(self.source, node.value) or "entity"
            raise ValueError(f'{whole}.{node.attr}: fields that begin with _ are written {whole}["{node.attr}"]')
        self.visit(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.slice, ast.Tuple):
            raise ValueError("[…] takes one key, position or slice")
        self.visit(node.value)
        self.visit(node.slice)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        for element in node.elts:
            self.visit(element)

    def visit_Compare(self, node: ast.Compare) -> None:
        self.visit(node.left)
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, (ast.Is, ast.IsNot)) and not (
                isinstance(right, ast.Constant) and right.value is None
            ):
                raise ValueError(_is_remedy(right))
            if isinstance(operator, (ast.In, ast.NotIn)) and self._is_lone_text(right):
                value, text = self._written(node.left), self._written(right)
                equal, word = ("==", "in") if isinstance(operator, ast.In) else ("!=", "not in")
                raise ValueError(
                    f"({text}) is a text, and `{word}` would look for a part of it; write {value} {equal} {text}, or "
                    f"{value} {word} ({text},); for a part of the text leave the parentheses out"
                )
            if isinstance(operator, (ast.In, ast.NotIn)) and (words := _words_in(right)):
                word = "in" if isinstance(operator, ast.In) else "not in"
                listed = ", ".join(f'"{each}"' for each in words)
                raise ValueError(
                    f"{self._written(right)} is one text, and `{word}` would look for a part of it; write "
                    f"{self._written(node.left)} {word} [{listed}]"
                )
            if isinstance(right, ast.Set) and isinstance(operator, (ast.In, ast.NotIn)):
                for element in right.elts:
                    self.visit(element)
            else:
                self.visit(right)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        compared = [each for each in node.values if isinstance(each, ast.Compare)]
        for value in node.values[1:]:
            if compared and isinstance(value, ast.Constant) and type(value.value) in (str, int, Decimal):
                first = compared[0]
                left, text = self._written(first.left), self._written(value)
                raise ValueError(
                    f"{text} alone is not compared with anything; write {left} in "
                    f"[{self._written(first.comparators[0])}, {text}], or {left} == {text}"
                )
        self.generic_visit(node)

    def _is_lone_text(self, node: ast.expr) -> bool:
        """Whether this is ``("paid")``, which people take for a list of one."""
        if not isinstance(node, ast.Constant) or type(node.value) is not str:
            return False
        line = self.source.splitlines()[node.lineno - 1].encode()
        return line[: node.col_offset].rstrip().endswith(b"(")

    def visit_Set(self, node: ast.Set) -> None:
        raise ValueError("a set has no order; write a list […] (sets may stand behind `in`)")

    def visit_Dict(self, node: ast.Dict) -> None:
        for key in node.keys:
            if key is not None:
                self.visit(key)
        for value in node.values:
            self.visit(value)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        if node.is_async:
            raise ValueError("async is not part of expressions")
        self._target(node.target)
        self.visit(node.iter)
        for condition in node.ifs:
            self.visit(condition)

    def _target(self, target: ast.expr) -> None:
        if isinstance(target, ast.Tuple):
            for element in target.elts:
                self._target(element)
        elif isinstance(target, ast.Name):
            self.visit_Name(target)
        else:
            raise ValueError("a loop binds names: for line in …, or for key, value in …")

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        for part in node.values:
            self.visit(part)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> None:
        if node.conversion not in (-1, ord("s")):
            raise ValueError(
                f"!{chr(node.conversion)} is not part of expressions; write the value alone, or json(value)"
            )
        self.visit(node.value)
        if node.format_spec is None:
            return
        assert isinstance(node.format_spec, ast.JoinedStr)
        for part in node.format_spec.values:
            if not isinstance(part, ast.Constant):
                raise ValueError("a format, such as the .2f in {x:.2f}, is written out; it cannot hold a value")
            if any(int(digits) > 1000 for digits in re.findall(r"\d+", str(part.value))):
                raise ValueError(f"the format {part.value!r} is wider than 1000 characters")

    def visit_Call(self, node: ast.Call) -> None:
        for named in node.keywords:
            if named.arg is None:
                raise ValueError("`**` is not part of calls; name each argument")
        if isinstance(node.func, ast.Attribute):
            self._method(node, node.func)
        elif isinstance(node.func, ast.Name):
            self._function(node, node.func.id)
        else:
            raise ValueError("only functions of the documented list can be called, by their name")
        for argument in (*node.args, *(named.value for named in node.keywords)):
            self.visit(argument)

    def _method(self, node: ast.Call, func: ast.Attribute) -> None:
        name = func.attr
        if name not in METHOD_NAMES:
            whole = self._written(func.value)
            first = self._written(node.args[0]) if node.args else None
            if (meant := called_on_module(whole, name, first)) is not None:
                raise ValueError(f"{whole}.{name}() is not part of expressions; write {meant}")
            if whole == "re" and len(node.args) > 1:  # Python's module: the pattern, then the text
                text = ast.get_source_segment(self.source, node.args[2 if name == "sub" and node.args[2:] else 1])
                remedy = (
                    FOREIGN_FUNCTIONS[name] if name == "sub" else FOREIGN_METHODS.get(name, "write matches({0}, …)")
                )
                raise ValueError(f".{name}() is not part of expressions; {remedy.format(text)}")
            if whole == "Variable" and name == "get":
                raise ValueError("Variable.get() is not part of expressions; write var.name for an Airflow Variable")
            if name in FOREIGN_METHODS:
                remedy = FOREIGN_METHODS[name].format(whole)
                if whole.startswith("moment("):
                    remedy = remedy.replace(f"moment({whole})", whole)
                raise ValueError(f".{name}() is not part of expressions; {remedy}")
            raise ValueError(
                f"{whole}.{name}() cannot be called: {suggestion(name, METHOD_NAMES, of='Text has')}; "
                f"a field is written without (), other functions are written {name}(…)"
            )
        self.visit(func.value)

    def _function(self, node: ast.Call, name: str) -> None:
        known = CATALOGUE.get(name)
        if known is None:
            values = [argument for argument in node.args if not isinstance(argument, ast.Lambda)]
            first = ast.get_source_segment(self.source, values[0]) if values else None
            if name in FOREIGN_FUNCTIONS:
                remedy = FOREIGN_FUNCTIONS[name].format(first or "value")
                raise ValueError(f"unknown function {name}(); {remedy}")
            if name in METHOD_NAMES:
                rest = ", ".join(ast.get_source_segment(self.source, other) or "" for other in node.args[1:])
                written = f"{first or 'order.name'}.{name}({rest})"
                raise ValueError(f"unknown function {name}(): text has it behind a point, as in {written}")
            hint = suggestion(name, CATALOGUE, of="The functions are")
            raise ValueError(f"unknown function {name}(){', ' if hint.startswith('did') else '. '}{hint}")
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                raise ValueError(_REFUSED[ast.Starred])
        if name in ("sorted", "min", "max") and any(named.arg == "key" for named in node.keywords):
            sorted_ = self._written(node.args[0]) if node.args else "order.lines"
            raise ValueError(f'{name}(): key is not part of expressions; write sort_by({sorted_}, "field")')
        try:
            known.check(node.args, {str(named.arg): named.value for named in node.keywords}, _constant)
        except TypeError as error:
            raise ValueError(f"{name}(): {error}; it is called as {known.usage()}") from None
        except ValueError as error:
            raise ValueError(f"{name}(): {error}") from None


def _constant(node: ast.AST) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    raise LookupError

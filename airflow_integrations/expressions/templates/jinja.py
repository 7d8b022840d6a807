"""Jinja, cut down to what a request's text needs: values, filters, conditions and loops; no calls, no other files."""

from __future__ import annotations

import copy
import decimal
import operator as operators
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import TemplateSyntaxError, Undefined, UndefinedError, meta, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from airflow_integrations.errors import EntityError, SetupError
from airflow_integrations.expressions.evaluation import guards, meter
from airflow_integrations.expressions.evaluation.error_locator import words_for
from airflow_integrations.expressions.evaluation.limits import ARITHMETIC
from airflow_integrations.expressions.language.dependencies import Bound, Path, Reads
from airflow_integrations.expressions.remedies.habits import has_length
from airflow_integrations.expressions.remedies.templates import call_remedy, syntax_remedy
from airflow_integrations.expressions.scopes import Flavor
from airflow_integrations.expressions.templates.filters import Raw, check, filters

__all__ = ["MAX_OUTPUT", "inspect", "parsed", "renderer"]

MAX_OUTPUT: dict[Flavor, int] = {"path": 8_000, "query": 8_000, "header": 8_000, "text": 10_000_000}
"""Characters of a rendered text: servers refuse longer lines, memory longer bodies."""


class _Absent(EntityError):
    """The text of something missing was asked for; the reason is its name."""


class Missing(Undefined):
    """A field that is missing or null: false in a condition, an error where its text is needed."""

    def __bool__(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise _Absent(str(self._undefined_name))

    def __getitem__(self, key: Any) -> Any:
        return self

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, Undefined)

    __hash__ = Undefined.__hash__
    __str__ = __iter__ = __len__ = __call__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __neg__ = __pos__ = __int__ = __float__ = (
        _refuse
    )


_LOOP = frozenset({"index", "index0", "first", "last", "length", "revindex", "revindex0"})
"""What a template may read of its ``loop``."""


@pass_context
def _counted(context: Context, value: Any) -> Any:
    """What a loop goes through. All loops of one rendering are counted together."""
    return guards.each(str(value) if isinstance(value, Undefined) else value, context["_meter"])


@pass_context
def _weighed(context: Context, value: Any) -> Any:
    """What a loop compares."""
    return meter.weighed(value, context["_meter"])


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "*", "/", "**", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        compute: Callable[[Any, Any], Any] = {
            "+": operators.add, "*": guards.multiply, "/": guards.divide, "**": guards.power, "%": guards.remainder
        }[operator]  # fmt: skip
        return meter.kept(compute(left, right), context["_meter"])

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self._found(obj, attribute, guards.field)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self._found(obj, argument, guards.item)

    def _found(self, obj: Any, name: Any, read: Callable[[Any, Any], Any]) -> Any:
        if isinstance(obj, Undefined):
            return Missing(name=f"{obj._undefined_name}.{name}")
        if isinstance(obj, LoopContext):
            return getattr(obj, name) if name in _LOOP else Missing(name=f"loop.{name}")
        value = read(obj, name)
        return Missing(name=str(name)) if value is None else value


@cache
def _environment(flavor: Flavor) -> _Environment:
    environment = _Environment(
        undefined=Missing, finalize=_WRITERS[flavor], autoescape=False, keep_trailing_newline=True, cache_size=0
    )
    environment.globals.clear()
    environment.filters = {**filters(), "_counted": _counted, "_weighed": _weighed}
    environment.tests["none"] = lambda value: value is None or isinstance(value, Undefined)
    return environment


def _text(value: Any) -> str:
    text: str = guards.text_of(str(value) if isinstance(value, Undefined) else value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise EntityError("a value has half of a surrogate pair (a character cut in two)") from None
    return text


def _path(value: Any) -> str:
    text: str = _text(value)
    if isinstance(value, Raw):
        if not text.isprintable():
            raise EntityError("a raw value in the path holds control characters")
        return text
    if text in ("", ".", ".."):
        raise EntityError(f"a value in the path is {text!r}, which would lead to another address")
    return quote(text, safe="")


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters, and all that parts lines for somebody: Python's ``email`` refuses a header with U+2028."""


def _header(value: Any) -> str:
    text: str = _text(value)
    if _CONTROL.search(text):
        raise EntityError("a value in a header holds a line break or another control character")
    return text


_DOT = re.compile(r"%(?:u00)?2e|%c0%ae|%e0%80%ae", re.IGNORECASE)
"""Ways to write a point that some servers read; the last two are not valid UTF-8."""
_SLASH = re.compile(r"%(?:u00)?(?:2f|5c)|%c0%af|[\\]", re.IGNORECASE)


def _no_way_up(path: str) -> None:
    """Raises EntityError for a path with ``.`` or ``..`` as a step, however it is encoded."""
    seen = path.partition("?")[0].partition("#")[0]
    while True:
        steps = _SLASH.sub("/", _DOT.sub(".", seen)).split("/")
        if any(step.partition(";")[0].strip() in (".", "..") for step in steps):
            raise EntityError("the path has . or .. as a step, which would lead to another address")
        if "%" not in seen or (decoded := seen.replace("%25", "%")) == seen:
            return
        seen = decoded


_WRITERS: dict[Flavor, Callable[[Any], str]] = {"path": _path, "query": _text, "header": _header, "text": _text}

_REFUSED: dict[type[nodes.Node], str] = {
    nodes.Concat: "`~` is not part of templates; write the values one after the other: {{ a }}{{ b }}",
    nodes.Include: "a template cannot include another",
    nodes.Import: "a template cannot import another",
    nodes.FromImport: "a template cannot import another",
    nodes.Extends: "a template cannot extend another",
    nodes.Block: "blocks are not part of templates",
    nodes.Macro: "macros are not part of templates",
    nodes.CallBlock: "macros are not part of templates",
    nodes.FilterBlock: "write the filter behind the value: {{ value | filter }}",
}


def _name_of(node: nodes.Node) -> str:
    """The last word of what is called: ``now`` of ``macros.datetime.now``."""
    return node.attr if isinstance(node, nodes.Getattr) else node.name if isinstance(node, nodes.Name) else ""


@cache
def parsed(text: str) -> nodes.Template:
    """The checked tree of a template, which nobody changes. Raises ValueError for text that is none."""
    try:
        tree = _environment("text").parse(text)
    except TemplateSyntaxError as error:
        raise ValueError(f"the template cannot be read: {error.message}{syntax_remedy(text)}") from None
    except (RecursionError, MemoryError):
        raise ValueError("the template is nested too deeply") from None
    if (called := tree.find(nodes.Call)) is not None:
        raise ValueError(call_remedy(_name_of(called.node)))
    for kind, remedy in _REFUSED.items():
        if tree.find(kind) is not None:
            raise ValueError(remedy)
    for used in tree.find_all(nodes.Filter):
        check(used)
    if any(isinstance(constant.value, float) for constant in tree.find_all(nodes.Const)):
        raise ValueError("numbers with a fraction do not stand in templates; compute them in a map, which is exact")
    for access in tree.find_all(nodes.Getattr):
        if access.attr.startswith("_"):
            raise ValueError(f'fields that begin with _ are written ["{access.attr}"]')
        if access.attr == "length" and isinstance(access.node, nodes.Getattr) and not has_length(access.node.attr):
            field = access.node.attr
            raise ValueError(
                f'{field}.length: write {field} | length for how long it is; for a field of that name {field}["length"]'
            )
        if isinstance(access.node, nodes.Const):
            raise ValueError(
                f"{access.node.value!r} has no field {access.attr!r}; write the entity before it: "
                f"{{{{ order.{access.attr} }}}}"
            )
    return tree


def inspect(text: str) -> tuple[frozenset[str], frozenset[Path]]:
    """Names and field paths of a template. Raises ValueError for text that is none."""
    tree = parsed(text)
    found = Reads()
    _walk(tree, {}, found)
    names = frozenset(meta.find_undeclared_variables(tree))
    return names, frozenset(path for path in found.fields if path[0] in names)


def _walk(node: nodes.Node, bound: Bound, found: Reads) -> None:
    if isinstance(node, nodes.For):
        path = _path_of(node.iter, bound)
        _walk(node.iter, bound, found)
        inner = dict(bound)
        for target in node.target.find_all(nodes.Name) if not isinstance(node.target, nodes.Name) else [node.target]:
            inner[target.name] = (*path, "*") if path and isinstance(node.target, nodes.Name) else None
        inner["loop"] = None
        for child in (*node.body, *([node.test] if node.test else [])):
            _walk(child, inner, found)
        for child in node.else_:
            _walk(child, bound, found)
        return
    path = _path_of(node, bound)
    if path and len(path) > 1:
        found.add(path)
        return
    for child in node.iter_child_nodes():
        _walk(child, bound, found)


def _path_of(node: nodes.Node, bound: Bound) -> Path | None:
    if isinstance(node, nodes.Name):
        return bound.get(node.name, (node.name,))
    if isinstance(node, (nodes.Getattr, nodes.Getitem)):
        base = _path_of(node.node, bound)
        if base is None:
            return None
        if isinstance(node, nodes.Getattr):
            return (*base, node.attr)
        if isinstance(node.arg, nodes.Const):
            return (*base, node.arg.value if isinstance(node.arg.value, str) else "*")
    return None


def renderer(text: str, flavor: Flavor) -> Callable[[Mapping[str, Any]], str]:
    """The function that renders a template. It raises EntityError, or SetupError where ``var`` lacks a name."""
    tree = copy.deepcopy(parsed(text))
    for loop in tree.find_all(nodes.For):
        for compared in loop.find_all(nodes.Compare):
            for operand in compared.ops:
                if not isinstance(operand.expr, (nodes.Const, nodes.Filter)):
                    operand.expr = nodes.Filter(operand.expr, "_weighed", [], [], None, None)
        loop.iter = nodes.Filter(loop.iter, "_counted", [], [], None, None)
    tree.set_environment(environment := _environment(flavor))
    template = environment.from_string(tree)
    paths = sorted(".".join(path) for path in inspect(text)[1])
    bound = MAX_OUTPUT[flavor]
    shown = text if len(text) <= 80 else f"{text[:77]}…"

    def render(names: Mapping[str, Any]) -> str:
        parts: list[str] = []
        length = 0
        saved = decimal.getcontext()
        decimal.setcontext(ARITHMETIC)
        try:
            for part in template.generate(names, _meter=names.get("_meter") or [0, 0]):
                length += len(part)
                if length > bound:
                    raise EntityError(f"the text would have more than {bound} characters")
                parts.append(part)
        except SetupError:
            raise
        except _Absent as absent:
            whole = next((path for path in paths if f".{path}".endswith(f".{absent.reason}")), absent.reason)
            raise EntityError(
                f"{shown}: {whole} is missing; write {{{{ {whole} | default('…') }}}} where it may be missing"
            ) from None
        except (UndefinedError, SecurityError) as error:
            raise EntityError(f"{shown}: {error.message}") from None
        except Exception as error:
            raise EntityError(f"{shown}: {words_for(error)}") from None
        finally:
            decimal.setcontext(saved)
        rendered = "".join(parts)
        if flavor == "path" and ("." in rendered or "%" in rendered):
            _no_way_up(rendered)
        return rendered

    return render

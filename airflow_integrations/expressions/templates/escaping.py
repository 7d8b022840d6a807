"""Finds the values of a template that are written into a language of their own without being escaped for it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from jinja2 import nodes

from airflow_integrations.expressions.functions import CATALOGUE
from airflow_integrations.expressions.templates.jinja import parsed
from airflow_integrations.window import AIRFLOW_ALIASES

__all__ = ["compared", "quoted", "unescaped", "uses"]

_HARMLESS = frozenset(name for name, known in CATALOGUE.items() if known.is_plain)
"""Filters that give digits, letters and the marks of numbers and dates only, or a text by a fixed pattern."""
_FREE = frozenset({"base64url", "hex", "slug", "urlencode"})
"""Those of them whose letters a payload chooses: where a value is compared without quotes, they may give 1 or true."""
_OURS = frozenset({"window", "loop"})
"""Names whose fields no payload sets."""
_ASKED = _OURS | {"params", "var", "cursor"} | AIRFLOW_ALIASES
"""Names that no payload sets; people who may start a run set some."""
_COMPARES = re.compile(r"\b(?:eq|ne|gt|ge|lt|le)(?:\s+|\s*\(\s*)$|\bin\s*\((?:[^()']*,)?\s*$")
"""What stands before a value of a filter of OData's."""


def unescaped(text: str, filters: Collection[str]) -> list[str]:
    """The values, as they are written, that pass none of these filters last."""
    return [_shown(value) for value, _, _ in _values(parsed(text).body, _HARMLESS.union(filters), set(), [0], None)]


def quoted(text: str, filters: Collection[str], *, encoded: bool, mark: str = "'") -> list[str]:
    """Those between quotes. ``encoded`` says that ``%27`` is one, too."""
    pattern = re.compile(f"{mark}|%{ord(mark):X}" if encoded else mark)
    found = _values(parsed(text).body, _HARMLESS.union(filters), set(), [0], pattern)
    return [_shown(value) for value, inside, _ in found if inside]


def compared(text: str) -> list[str]:
    """Values of payloads that a filter of OData's compares with, without quotes: ``Id eq {{ order.id }}``."""
    found = _values(parsed(text).body, (_HARMLESS - _FREE) | {"raw"}, set(_ASKED), [0], re.compile("'"))
    return [
        _shown(value)
        for value, inside, before in found
        if not inside and _COMPARES.search(before) and _base(value) not in _ASKED
    ]


def uses(text: str, name: str) -> bool:
    """Whether a template uses a filter."""
    return any(used.name == name for used in parsed(text).find_all(nodes.Filter))


def _values(
    body: Iterable[nodes.Node], filters: frozenset[str], safe: set[str], quotes: list[int], mark: re.Pattern[str] | None
) -> Iterator[tuple[nodes.Node, bool, str]]:
    """Each value that is written unescaped, with whether it stands behind an odd number of quotes, and the fixed text
    right before it."""
    for node in body:
        if isinstance(node, nodes.Output):
            before = ""
            for part in node.nodes:
                if isinstance(part, (nodes.TemplateData, nodes.Const)):
                    data = part.data if isinstance(part, nodes.TemplateData) else str(part.value)
                    quotes[0] += len(mark.findall(data)) if mark else 0
                    before = data
                    continue
                if not _is_safe(part, filters, safe):
                    yield part, quotes[0] % 2 == 1, before
                before = ""
        elif isinstance(node, nodes.Assign) and isinstance(node.target, nodes.Name):
            (safe.add if _is_safe(node.node, filters, safe) else safe.discard)(node.target.name)
        elif isinstance(node, nodes.If):
            outside = quotes[0]
            for branch in (node.body, *(inner.body for inner in node.elif_), node.else_):
                quotes[0] = outside
                yield from _values(branch, filters, safe, quotes, mark)
        elif isinstance(node, nodes.For):
            for name in node.target.find_all(nodes.Name) if not isinstance(node.target, nodes.Name) else [node.target]:
                safe.discard(name.name)
            yield from _values(node.body, filters, safe, quotes, mark)
            yield from _values(node.else_, filters, safe, quotes, mark)
        else:
            inner = getattr(node, "body", None)
            if isinstance(inner, list):
                yield from _values(inner, filters, safe, quotes, mark)


def _is_safe(node: nodes.Node | None, filters: frozenset[str], safe: set[str]) -> bool:
    if node is None or isinstance(node, nodes.Const):
        return True
    if isinstance(node, nodes.Filter):
        if node.name == "default":
            return all(_is_safe(part, filters, safe) for part in (node.node, *node.args))
        return node.name in filters and (node.name not in _HARMLESS or _is_plain(node))
    if isinstance(node, nodes.CondExpr):
        return _is_safe(node.expr1, filters, safe) and _is_safe(node.expr2, filters, safe)
    if isinstance(node, nodes.Name):
        return node.name in safe
    return isinstance(node, (nodes.Getattr, nodes.Getitem)) and _base(node) in _OURS


def _is_plain(node: nodes.Filter) -> bool:
    """Whether what stands in the brackets is written out, and asks for none of the marks of base64."""
    written = (*node.args, *(named.value for named in node.kwargs))
    return all(isinstance(each, nodes.Const) and each.value != "base64" for each in written)


def _base(node: nodes.Node) -> str | None:
    """The name that a field is of."""
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        node = node.node
    return node.name if isinstance(node, nodes.Name) else None


def _shown(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{_shown(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return f"{_shown(node.node)}[{node.arg.value!r}]"
    if isinstance(node, nodes.Filter) and node.node is not None:
        return f"{_shown(node.node)} | {node.name}{'(…)' if node.args else ''}"
    return "…"

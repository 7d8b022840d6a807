"""Expressions that Python reads, in another sense than people had who know other languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

__all__ = ["called_on_module", "has_length", "misread"]

_SIZED = frozenset({"dimension", "dimensions", "measure", "measurement", "measurements", "package", "parcel", "box"})
"""What has a length in centimetres."""
_LISTS = frozenset(
    (
        *("lines", "items", "rows", "positions", "products", "articles", "tags", "orders", "records", "entries"),
        *("images", "variants", "discounts", "payments", "shipments", "parcels", "addresses", "customers"),
        *("contacts", "attachments", "line_items", "lineitems", "elements"),
    )
)
"""Fields that are lists wherever they are met."""
_OF_LISTS = dict.fromkeys(("count", "size"), "len") | {name: name for name in ("first", "last")}
"""What other languages read of a list as of an object, each with the function that gives it."""


def misread(node: ast.AST, written: Callable[[ast.AST], str]) -> str | None:
    """What to write for a node that is not what it looks like; None where it may well be meant.

    ``written`` gives the text of a part.
    """
    if isinstance(node, ast.Attribute):
        return _length(node, written)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value in ("*", ""):
        value = written(node.value)
        return f'["{node.slice.value}"] is a field of that name; for all elements leave it out: {value}'
    if isinstance(node, ast.BinOp):
        return _operator(node, written)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd) and _text(node.operand) is not None:
        return 'texts are joined in an f-string: f"{order.first}{order.last}", or with one +'
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _method(node, node.func, written)
    return None


def has_length(name: str) -> bool:
    """Whether a field ``length`` of something of this name is most likely a measure, as that of a parcel is."""
    return name.lower() in _SIZED


def _length(node: ast.Attribute, written: Callable[[ast.AST], str]) -> str | None:
    """``order.lines.length``: a field of an entity's own may be called so, and so may that of a parcel."""
    if not isinstance(node.value, ast.Attribute):
        return None
    function = _OF_LISTS.get(node.attr.lower()) if node.value.attr.lower() in _LISTS else None
    if node.attr in ("length", "Length") and not has_length(node.value.attr):
        function = "len"
    if function is None:
        return None
    value = written(node.value)
    return f'{value}.{node.attr}: write {function}({value}); for a field of that name {value}["{node.attr}"]'


def _operator(node: ast.BinOp, written: Callable[[ast.AST], str]) -> str | None:
    if isinstance(node.op, ast.FloorDiv) and _text(node.right) is not None:
        left, right = written(node.left), written(node.right)
        return f"`//` divides; for another value where it is missing write coalesce({left}, {right})"
    if isinstance(node.op, ast.Mod) and (text := _text(node.left)) is not None:
        values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        parts = re.split(r"%[sdi]", text)
        if len(parts) != len(values) + 1 or '"' in text:
            return 'texts are not formatted with %; write an f-string: f"WEB-{order.number}"'
        made = parts[0] + "".join(f"{{{written(value)}}}{part}" for value, part in zip(values, parts[1:], strict=True))
        return f'texts are not formatted with %; write f"{made}"'
    return None


def _method(node: ast.Call, func: ast.Attribute, written: Callable[[ast.AST], str]) -> str | None:
    if func.attr == "count" and not node.args:
        return f".count() without a text is not part of expressions; write len({written(func.value)})"
    if func.attr == "join" and len(node.args) == 1 and _text(node.args[0]) is not None and _text(func.value) is None:
        return f"what joins stands before .join(); write {written(node.args[0])}.join({written(func.value)})"
    return None


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


_MODULES: dict[str, dict[str, str]] = {
    "JSON": {"parse": "parse_json({0})", "stringify": "json({0})"},
    "json": {"loads": "parse_json({0})", "dumps": "json({0})"},
    "Object": {"keys": "keys({0})", "values": "values({0})", "entries": "items({0})"},
    "Math": {
        "round": "round({0}, 0)",
        "abs": "abs({0})",
        "max": "max({0}, …)",
        "min": "min({0}, …)",
        "floor": "{0} // 1",
        "trunc": "integer({0} // 1)",
    },
    "Number": {"parseInt": "integer({0})", "parseFloat": "decimal({0})"},
    "Array": {"from": "{0} alone"},
    "Date": {"parse": "moment({0})"},
}


def called_on_module(module: str, name: str, argument: str | None) -> str | None:
    """``parse_json(order.payload)`` for ``JSON.parse(order.payload)``."""
    found = _MODULES.get(module, {}).get(name)
    if found is not None and argument is not None:
        return found.format(argument)
    if name == "json" and module in ("response", "resp", "res", "r", "answer"):
        return "body: an answer is parsed already"
    return None

"""Finds what an error answer says to people: in JSON (problem details, OData, GraphQL, …), XML, SOAP faults, HTML."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

__all__ = ["message_in", "message_of"]

MOST_BYTES = 256 * 1024
"""Of the content that is looked at."""
_MOST_NODES = 5_000
_MOST_PIECES = 8
_LONGEST = 2_000
"""Characters of one piece."""

_MESSAGES = frozenset(
    {
        "cause",
        "description",
        "detail",
        "details",
        "developermessage",
        "errmsg",
        "error",
        "errordescription",
        "errormessage",
        "errormsg",
        "errors",
        "errorsummary",
        "exceptionmessage",
        "fault",
        "faultstring",
        "hint",
        "info",
        "internalmessage",
        "localizedmessage",
        "longtext",
        "message",
        "messages",
        "msg",
        "reason",
        "shorttext",
        "summary",
        "text",
        "title",
        "usermessage",
    }
)
_ENDS = ("errors", "failures", "invalidparams", "issues", "messages", "modelstate", "problems", "violations")
"""Of names of what holds messages: ``userErrors``, ``fieldErrors``, ``ModelState`` of ASP.NET."""
_CODES = frozenset(
    {
        "code",
        "errcode",
        "errorcode",
        "errorid",
        "errornumber",
        "faultcode",
        "messagecode",
        "reasoncode",
        "subcode",
        "type",
    }
)
_PLACES = frozenset(
    {
        "attribute",
        "field",
        "fields",
        "loc",
        "location",
        "member",
        "param",
        "parameter",
        "path",
        "pointer",
        "property",
        "propertypath",
        "target",
    }
)
_WRAPPERS = frozenset({"#text", "content", "message", "text", "value"})
"""The text of a message stands below one of these, where the message is an object: OData, XML as JSON."""
_NOISE = re.compile(
    r"time|date|trace|stack|instance|request.?id|correlation|span|locations|^@|lang$|^documentation|^help|url$|^links?$",
    re.I,
)
_LEAF = re.compile(r"<(?:[\w.-]{1,100}:)?([\w.-]{1,100})(?:\s[^<>]{0,1000})?>([^<>]+)</")
_ATTRIBUTE = re.compile(r"\s(code|message|reason|description)=(?:\"([^\"<>]{1,1000})\"|'([^'<>]{1,1000})')", re.I)
_TAG = re.compile(r"<[^<>]{0,2000}>")

_Piece = tuple[str, str]
"""A kind (``code``, ``text``, ``place``) and a text."""


def message_in(content: bytes) -> str | None:
    """The message of an error answer as one line; None where the content is nothing of which one is known."""
    text = content[:MOST_BYTES].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if text[:1] in ("{", "[", '"'):
        try:
            value = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
        except (ValueError, RecursionError):
            return None
        return _line(value) if isinstance(value, str) else message_of(value)
    if text[:1] != "<":
        return None
    if re.match(r"<(?:!doctype\s+html|html|head|body)\b", text, re.I):
        return _line(_TAG.sub(" ", _without_blocks(text)))
    text = _without_cdata(text)
    leaves = [(name, value or other) for name, value, other in _ATTRIBUTE.findall(text)] + _LEAF.findall(text)
    pieces = [
        (kind, html.unescape(value))
        for name, value in leaves[:_MOST_NODES]
        if value.strip() and (kind := _kind(name)) is not None
    ]
    return _joined(pieces) or _line(_TAG.sub(" ", text))


def message_of(value: Any) -> str | None:
    """The message in a decoded answer, or in a part of one; None where nothing in it is text."""
    pieces = [piece for piece in _walk(value) if piece[1]]
    if any(kind == "text" for kind, _ in pieces):
        return _joined(pieces)
    leaves = [(kind, text) for kind, text in _leaves(value) if text.strip()]
    return _joined(leaves) or None


def _walk(value: Any) -> Iterator[_Piece]:
    """What is known by its name, an object's own before those of what is in it."""
    waiting: list[tuple[str, Any, bool]] = [("", value, False)]
    seen = 0
    while waiting and seen < _MOST_NODES:
        seen += 1
        key, node, inside = waiting.pop()
        if isinstance(node, dict):
            inner, own = _of_object(node, _plain(key), inside)
            yield from own
            waiting.extend(reversed(inner))
        elif isinstance(node, list | tuple):
            if _kind(key) == "place" and all(isinstance(item, str | int) for item in node):
                yield "place", ".".join(map(str, node[:20]))
                continue
            for item in node[:100]:
                if isinstance(item, str) and (inside or _kind(key) == "text"):
                    yield "text", _labelled(key, item, inside)
            waiting.extend(("", item, inside or _kind(key) == "text") for item in reversed(node[:100]) if _deep(item))


def _of_object(node: dict[Any, Any], key: str, inside: bool) -> tuple[list[tuple[str, Any, bool]], list[_Piece]]:
    own: list[_Piece] = []
    deeper: list[tuple[str, Any, bool]] = []
    others: list[_Piece] = []
    for name, value in list(node.items())[:200]:
        name = str(name)
        kind = _kind(name)
        if _deep(value):
            if not _NOISE.search(name) or kind == "place":
                deeper.append((name, value, inside or kind == "text"))
        elif value is None or isinstance(value, bool):
            continue
        elif isinstance(value, str) and (kind == "text" or (_plain(name) in _WRAPPERS and _kind(key) == "text")):
            own.append(("text", value))
        elif kind == "place" and not inside and str(value).startswith("/"):
            continue  # the path of the request, as Spring tells it
        elif kind is not None and kind != "text":
            own.append((kind, _short_type(str(value))))
        elif inside and isinstance(value, str) and not _NOISE.search(name):
            others.append(("text", f"{name}: {value}"))
    if not any(kind == "text" for kind, _ in own) and not deeper:
        own += others
    order = {"code": 0, "text": 1, "place": 2}
    own.sort(key=lambda piece: order[piece[0]])
    return deeper, own


def _leaves(value: Any) -> Iterator[_Piece]:
    """Every text, number and truth with its name: for an answer that names nothing in a known way."""
    waiting: list[tuple[str, Any]] = [("", value)]
    seen = 0
    while waiting and seen < _MOST_NODES:
        seen += 1
        name, node = waiting.pop()
        if isinstance(node, dict):
            found = [(str(key), inner) for key, inner in list(node.items())[:200] if not _NOISE.search(str(key))]
            waiting.extend(reversed(found))
        elif isinstance(node, list | tuple):
            waiting.extend((name, inner) for inner in reversed(node[:100]))
        elif isinstance(node, str | int | float | Decimal):
            text = str(node).lower() if isinstance(node, bool) else str(node)
            if not text.replace(".", "").isdigit() and " " not in text and any(map(str.isdigit, text)):
                text = f'"{text}"'  # an id or a moment: it differs from entity to entity, as quoted values do
            yield "text", f"{name}: {text}" if name else text


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _kind(name: str) -> str | None:
    plain = _plain(name)
    if plain in _MESSAGES or plain.endswith(_ENDS):
        return "text"
    return "code" if plain in _CODES else "place" if plain in _PLACES else None


def _deep(value: Any) -> bool:
    return isinstance(value, dict | list | tuple)


def _labelled(key: str, text: str, inside: bool) -> str:
    return f"{key}: {text}" if inside and key and _kind(key) != "text" else text


def _short_type(text: str) -> str:
    """``out-of-credit`` for the URI of a problem's type, and nothing for ``about:blank``."""
    if text == "about:blank":
        return ""
    return text.rstrip("/").rpartition("/")[2] if "://" in text else text


def _joined(pieces: list[_Piece]) -> str:
    told: list[_Piece] = []
    for kind, text in pieces:
        line = _line(text)
        if line and not any(line in other for _, other in told):
            told.append((kind, line))
    out, before = "", ""
    for kind, line in told[:_MOST_PIECES]:
        if not out:
            out = line
        elif kind == "place":
            out += f" ({line})"
        else:
            out = f"{out.rstrip('.;:')}{':' if before == 'code' else ';'} {line}"
        before = kind
    return out + (f"; and {len(told) - _MOST_PIECES} more" if len(told) > _MOST_PIECES else "")


def _line(text: str) -> str:
    line = " ".join(text[:_LONGEST].split())
    return line if len(text) <= _LONGEST else line.rpartition(" ")[0] or line  # no part of a secret at its end


def _without_cdata(text: str) -> str:
    first, *parts = text.split("<![CDATA[")
    plain = [first]
    for part in parts:
        inner, _, rest = part.partition("]]>")
        plain += (html.escape(inner, quote=False), rest)
    return "".join(plain)


def _without_blocks(text: str) -> str:
    """Without scripts and styles, and without entities."""
    for name in ("script", "style"):
        lower, at = text.lower(), 0
        kept: list[str] = []
        while (begin := lower.find(f"<{name}", at)) >= 0:
            kept.append(text[at:begin])
            end = lower.find(f"</{name}", begin)
            at = len(text) if end < 0 else end
        text = "".join([*kept, text[at:]])
    return html.unescape(text)

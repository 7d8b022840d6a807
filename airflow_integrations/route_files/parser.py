"""YAML or JSON text to nodes. Bounded in size, depth and expansion; nothing but Mistakes comes of bad text."""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.error import MarkedYAMLError
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from airflow_integrations.errors import Mistake
from airflow_integrations.route_files.nodes import MAX_NODES, Node
from airflow_integrations.route_files.scalars import ScalarError, resolve
from airflow_integrations.route_files.syntax_hints import explain, needs_quotes, open_brackets

__all__ = ["MAX_BYTES", "MAX_DEPTH", "parse"]

MAX_BYTES = 1024 * 1024
"""Bytes in one file."""
MAX_DEPTH = 50
"""Mappings and lists within each other."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOT_PRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_JSON_SURROGATES = re.compile(r"\\\\|\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_COMMENT = re.compile(r"\s*(?<!\S)#(.{0,200})")
_LIKE_A_VALUE = re.compile(
    r"""\s*(\[.*\]|\{.*\}|"[^"]*"|'[^']*'|[^\W\d]\w*(\.[^\W\d]\w*|\[[^\]]*\]|\([^()]*\))+(\s*[-+*/%<>=!|].*)?)\s*"""
)
"""A comment in place of a value, as whoever meant the value writes it: ``#[payload.x]``, ``# order.total``."""


class _Unreadable(Exception):
    """The rest of the file cannot be understood."""

    def __init__(self, mistake: Mistake) -> None:
        self.mistake = mistake


def parse(content: bytes, file: str) -> tuple[Node | None, list[Mistake]]:
    """The document of a file, and its mistakes. The node is None where nothing could be made of the text."""
    try:
        text = _decoded(content, file)
        reader = _Reader(text, file)
        return reader.document(), reader.mistakes
    except _Unreadable as found:
        return None, [found.mistake]


def _decoded(content: bytes, file: str) -> str:
    if len(content) > MAX_BYTES:
        raise _Unreadable(Mistake(file, 1, 1, "", f"the file has more than {MAX_BYTES} bytes"))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _place(content[: error.start].decode("utf-8-sig", "replace"))
        raise _Unreadable(Mistake(file, line, column, "", "this is not UTF-8; save the file as UTF-8")) from None
    if found := _NOT_PRINTABLE.search(text):
        line, column = _place(text[: found.start()])
        message = f"the control character U+{ord(found[0]):04X}; write it as an escape in double quotes"
        raise _Unreadable(Mistake(file, line, column, "", message))
    return _JSON_SURROGATES.sub(_character, text) if file.endswith(".json") else text


def _place(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _character(found: re.Match[str]) -> str:
    high, low = found[1], found[2]
    return found[0] if high is None else chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)


class _Reader:
    """Nodes from the parser's events. PyYAML's own composer has no bounds and lets the later of two keys win."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.lines = text.splitlines()
        self.file = file
        self.mistakes: list[Mistake] = []
        self.anchors: dict[str, Node | None] = {}

    def place(self, event: Any) -> tuple[int, int]:
        mark = event.start_mark
        return mark.line + 1, mark.column + 1

    def at(self, event: Any, message: str) -> Mistake:
        return Mistake(self.file, *self.place(event), "", message)

    def document(self) -> Node | None:
        loader = _Loader(self.text)
        self.next: Any = loader.get_event
        try:
            self.next()  # the stream's start
            event = self.next()
            node = None
            if not isinstance(event, StreamEndEvent):
                node = self.node(self.next(), 0)
                assert isinstance(self.next(), DocumentEndEvent)
                if not isinstance(event := self.next(), StreamEndEvent):
                    self.mistakes.append(self.at(event, "a second document; one file holds one route"))
        except MarkedYAMLError as error:
            raise _Unreadable(explain(error, self.text, self.file)) from None
        finally:
            loader.dispose()
        if node is None or (node.value is None and node.size == 1):
            raise _Unreadable(Mistake(self.file, 1, 1, "", "the file is empty"))
        return node

    def node(self, event: Any, depth: int) -> Node:
        kind = type(event)
        if kind is AliasEvent:
            return self.alias(event)
        line, column = self.place(event)
        if event.tag is not None:
            remedy = "quote the value to make it text" if kind is ScalarEvent else "leave it out"
            if re.fullmatch(r"![A-Za-z_][\w.]*", event.tag):
                remedy = f"for the opposite write not {event.tag[1:]}, or {remedy}"
            self.mistakes.append(self.at(event, f"tags such as {event.tag} are not allowed; {remedy}"))
        if event.anchor:
            self.anchors[event.anchor] = None  # until it is complete: an alias within would never end
        if kind is ScalarEvent:
            node = Node(self.scalar(event), self.file, line, column)
        else:
            if depth >= MAX_DEPTH:
                raise _Unreadable(self.at(event, f"nested more than {MAX_DEPTH} levels deep"))
            value = self.mapping(depth, event.flow_style) if kind is MappingStartEvent else self.sequence(depth)
            node = Node(None, self.file, line, column).with_value(value)
            if node.size > MAX_NODES:
                raise _Unreadable(self.at(event, f"more than {MAX_NODES} values, with all aliases written out"))
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def alias(self, event: Any) -> Node:
        node = self.anchors.get(event.anchor)
        if node is None:
            message = f"no anchor &{event.anchor} stands above this alias; quote the text if it is none"
            if event.anchor in self.anchors:
                message = f"the alias *{event.anchor} stands inside what it stands for"
            raise _Unreadable(self.at(event, message))
        return node.under_key(0, 0)

    def scalar(self, event: Any) -> Any:
        if not event.implicit[0]:
            return event.value
        self.see_comment(event)
        try:
            return resolve(event.value)
        except ScalarError as error:
            self.mistakes.append(self.at(event, str(error)))
            return None

    def see_comment(self, event: Any) -> None:
        """Add a mistake where a comment was surely meant as the value, or as the rest of it."""
        mark = event.end_mark
        found = _COMMENT.match(self.lines[mark.line], mark.column) if mark.line < len(self.lines) else None
        if found is None:
            return
        comment = found[1]
        if not event.value and _LIKE_A_VALUE.fullmatch(comment):
            meant = re.sub(r"^\[(.*)\]$", r"\1", comment.strip())
            remedy = f"without # it is {meant}; if none is meant, write null"
            self.mistakes.append(self.at(event, f"there is no value, because # begins a comment: {remedy}"))
        elif event.value and comment.startswith(("{", "[")):
            ends = f"a blank and # begin a comment, so the text ends before #{comment[0]}"
            self.mistakes.append(self.at(event, f"{ends}: put quotes around all of it"))

    def sequence(self, depth: int) -> list[Node]:
        found = []
        while not isinstance(event := self.next(), SequenceEndEvent):
            found.append(self.node(event, depth + 1))
        return found

    def mapping(self, depth: int, flow: bool) -> dict[str, Node]:
        found: dict[str, Node] = {}
        last = ""
        while not isinstance(event := self.next(), MappingEndEvent):
            name = self.key(event)
            value = self.node(self.next(), depth + 1).under_key(*self.place(event))
            if flow and value.value is None and last in found and (whole := self.rejoined(found[last], event)):
                found[last] = whole
                continue
            last = name
            if name in found:
                first = found[name]
                place = f"{first.key_line}:{first.key_column}"
                self.mistakes.append(self.at(event, f"the key {name!r} stands here twice; the first is at {place}"))
            else:
                found[name] = value
        return found

    def rejoined(self, before: Node, key: Any) -> Node | None:
        """The text that YAML has cut at a comma, as in ``{Total: decimal(order.total, 2)}``, with a mistake that says
        so; None where ``before`` has no open bracket."""
        if not isinstance(before.value, str) or open_brackets(before.value) < 1 or key.end_mark.line + 1 != before.line:
            return None
        text = self.lines[before.line - 1][before.column - 1 : key.end_mark.column]
        if text.startswith(("'", '"')):
            return None
        if open_brackets(text) == 0:
            self.mistakes.append(before.mistake(needs_quotes(text)))
        return before.with_value(text)

    def key(self, event: Any) -> str:
        """A key is text, as it is written: ``404`` and ``on`` are names like any other."""
        if type(event) is ScalarEvent:
            if event.tag is not None:
                self.mistakes.append(self.at(event, f"tags such as {event.tag} are not allowed; leave it out"))
            if event.value == "<<" and event.implicit[0]:
                self.mistakes.append(self.at(event, "the merge key << is not part of YAML 1.2; share parts with use:"))
            if event.anchor:
                line, column = self.place(event)
                self.anchors[event.anchor] = Node(event.value, self.file, line, column)
            return str(event.value)
        if type(event) is MappingStartEvent:
            raise _Unreadable(self.at(event, "{{ begins a mapping here; put quotes around text with {{ … }}"))
        if type(event) is SequenceStartEvent:
            raise _Unreadable(self.at(event, "a list cannot be a key; put quotes around text with [ ]"))
        raise _Unreadable(self.at(event, "an alias cannot be a key; write the key out"))

"""Regular expressions. The engine is RE2: its time grows with the length of the text, whatever pattern and text are.

What is charged follows what RE2 does at worst: each character once per part of the pattern, and for each match the rest
of the text once more, because where one match ends the search for the next begins anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.evaluation.guards import kind_of
from airflow_integrations.expressions.evaluation.limits import MAX_TEXT
from airflow_integrations.expressions.evaluation.meter import Meter, build, go_through
from airflow_integrations.expressions.functions.catalogue import function
from airflow_integrations.expressions.functions.encodings import encoded

__all__ = ["matches", "regex_extract", "regex_extract_all", "regex_replace"]

MAX_PATTERN = 500
"""Characters of a pattern."""
_MAX_PROGRAM = 2_000
"""Instructions of a compiled pattern: ``[a-z]{2000}`` is short and costly."""


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    """Raises ValueError for a pattern that RE2 does not know."""
    import re2  # type: ignore[import-untyped]

    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern.encode(), options)
    except re2.error as error:
        said = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
        if "perl operator" in said or "escape sequence: \\" in said:
            said += "; look-around and back-references are not available, because their time has no bound"
        raise ValueError(f"{pattern!r} is not a regular expression: {said}") from None
    except UnicodeEncodeError:
        raise ValueError("the pattern has half of a surrogate pair (a character cut in two)") from None
    if compiled.programsize > _MAX_PROGRAM:
        raise ValueError(f"{pattern!r} repeats too much: it has {compiled.programsize} parts, at most {_MAX_PROGRAM}")
    return compiled


def _constant_pattern(constants: dict[str, Any], given: Any) -> None:
    pattern = constants.get("pattern")
    if not isinstance(pattern, str):
        raise ValueError('the pattern is written out as text, such as matches(order.sku, "^[A-Z]{3}-")')
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"a pattern has at most {MAX_PATTERN} characters")
    compiled = _compiled(pattern)
    if "new" in given:
        new = constants.get("new")
        if not isinstance(new, str):
            raise ValueError('what is put in place is written out as text, such as "" or "\\\\1"')
        _pieces(new, compiled)


def _begin(name: str, value: Any, pattern: str, meter: Meter) -> tuple[Any, bytes]:
    if not isinstance(value, str):
        raise EntityError(f"{name}() takes a text, and this is {kind_of(value)}")
    compiled, content = _compiled(pattern), encoded(value)
    go_through((len(content) * compiled.programsize) >> 10, meter)
    return compiled, content


def _found(compiled: Any, content: bytes, meter: Meter) -> Iterator[Any]:
    at = 0
    while at <= len(content) and (match := compiled.search(content, at)) is not None:
        go_through(1 + ((len(content) - at) >> 9), meter)
        yield match
        at = match.end()
        if at == match.start():  # on to the next character, not into the middle of one
            at += 1
            while at < len(content) and content[at] & 0xC0 == 0x80:
                at += 1


@function("Regular expressions", returns="truth", checked=_constant_pattern, reads="little", metered=True)
def matches(meter: Meter, value: Any, pattern: str) -> bool:
    """Whether the regular expression is found in the text; `^` and `$` are its ends. The pattern is fixed text."""
    compiled, content = _begin("matches", value, pattern, meter)
    return compiled.search(content) is not None


@function(
    "Regular expressions", checked=_constant_pattern, reads="little", metered=True, takes_missing=True, returns="any"
)
def regex_extract(meter: Meter, value: Any, pattern: str) -> Any:
    """The first part of the text that the regular expression finds: its group, `regex_extract(order.note, "PO-(.*)")`;
    all of it without a group; an object where groups are named, as in `(?P<year>[0-9]{4})`; a list where there are
    several. None where nothing is found, or the text is missing."""
    if value is None:
        return None
    compiled, content = _begin("regex_extract", value, pattern, meter)
    match = compiled.search(content)
    return None if match is None else _part(match, compiled)


@function("Regular expressions", checked=_constant_pattern, reads="little", metered=True, builds="pieces")
def regex_extract_all(meter: Meter, value: Any, pattern: str) -> list[Any]:
    """Every part of the text that the regular expression finds, in their order, each as `regex_extract` gives it."""
    compiled, content = _begin("regex_extract_all", value, pattern, meter)
    parts = []
    for match in _found(compiled, content, meter):
        parts.append(_part(match, compiled))
        build(60 + 2 * (match.end() - match.start()), meter)
    return parts


@function("Regular expressions", returns="text", checked=_constant_pattern, reads="little", metered=True)
def regex_replace(meter: Meter, value: Any, pattern: str, new: str) -> str:
    """The text with every part that the regular expression finds replaced by `new`, where `\\\\1` stands for the first
    group: `regex_replace(order.phone, "[^0-9+]", "")`."""
    compiled, content = _begin("regex_replace", value, pattern, meter)
    inserted = _pieces(new, compiled)
    made: list[bytes] = []
    size = at = 0
    for match in _found(compiled, content, meter):
        parts = [part if isinstance(part, bytes) else match.group(part) or b"" for part in inserted]
        made += [content[at : match.start()], *parts]
        size += match.start() - at + sum(map(len, parts))
        at = match.end()
        build(60, meter)
        if size > MAX_TEXT:
            raise EntityError(f"the text would have more than {MAX_TEXT} characters")
    made.append(content[at:])
    return b"".join(made).decode()


def _part(match: Any, compiled: Any) -> Any:
    groups = compiled.groups
    if not groups:
        return _text(match.group())
    if named := compiled.groupindex:
        return {name.decode(): _text(match.group(index)) for name, index in named.items()}
    return _text(match.group(1)) if groups == 1 else [_text(match.group(index)) for index in range(1, groups + 1)]


def _text(found: bytes | None) -> str | None:
    return None if found is None else found.decode()


def _pieces(new: str, compiled: Any) -> list[bytes | int]:
    """What is put in place of a match: texts, and numbers of groups. Raises ValueError."""
    made: list[bytes | int] = []
    text, at = "", 0
    while at < len(new):
        character = new[at]
        following = new[at + 1 : at + 2]
        if character != "\\":
            text += character
            at += 1
            continue
        if following == "\\":
            text += "\\"
        elif following.isascii() and following.isdigit():
            if int(following) > compiled.groups:
                raise ValueError(f"\\{following} is not a group: the pattern has {compiled.groups}")
            made += [text.encode("utf-8", "replace"), int(following)]
            text = ""
        else:
            raise ValueError(f"{new!r}: after \\ stands the number of a group, as in \\1, or another \\")
        at += 2
    if "$" in new and compiled.groups and any(f"${number}" in new for number in range(1, 10)):
        raise ValueError("a group is written \\1, not $1")
    return [*made, text.encode("utf-8", "replace")]

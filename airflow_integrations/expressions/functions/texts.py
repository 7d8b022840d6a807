"""Functions that give text. Most are methods, too; a template has them as filters."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.evaluation.guards import kind_of, text_of
from airflow_integrations.expressions.evaluation.limits import bounded_text
from airflow_integrations.expressions.evaluation.meter import Meter, go_through
from airflow_integrations.expressions.evaluation.methods import METHODS
from airflow_integrations.expressions.functions.catalogue import function

__all__ = ["join", "lower", "replace", "slug", "split", "text", "trim", "truncate", "upper"]

_METHODS = METHODS[str]
MAX_SLUG = 100_000
"""Characters that a slug is made of: taken apart, some have eighteen times their length."""


@function("Text", returns="text", reads="little")
def text(value: Any) -> str:
    """A number, true, false or a moment as text, as JSON writes it: all digits, `true`, RFC 3339."""
    return text_of(value)


@function("Text", returns="text")
def replace(value: Any, old: str, new: str) -> str:
    """The text with each `old` replaced by `new`."""
    if not (isinstance(old, str) and isinstance(new, str)):
        raise EntityError("replace() replaces a text by a text")
    replaced: str = _METHODS["replace"](text_of(value), old, new)
    return replaced


@function("Text", returns="text", reads="little", metered=True, is_plain=True)
def slug(meter: Meter, value: Any, separator: str = "-") -> str:
    """The text in lower-case ASCII letters and digits, words joined by `separator`: `Größe 42` is `grosse-42`."""
    text = text_of(value)
    if len(text) > MAX_SLUG:
        raise EntityError(f"the text has {len(text)} characters; a slug is made of at most {MAX_SLUG}")
    go_through(len(text) >> 4, meter)
    folded = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", folded)
    joined: str = _METHODS["join"](separator, words)
    return joined


@function("Text", returns="text")
def upper(value: Any) -> str:
    """The text in upper case."""
    made: str = _METHODS["upper"](text_of(value))
    return made


@function("Text", returns="text")
def lower(value: Any) -> str:
    """The text in lower case."""
    return bounded_text(text_of(value).lower())


@function("Text", returns="text")
def trim(value: Any) -> str:
    """The text without blanks and line breaks at its ends."""
    return text_of(value).strip()


@function("Text", returns="text")
def join(values: Any, separator: str = ",") -> str:
    """The elements of a list as one text: `join(order.tags, ", ")`. Numbers, true and false become text."""
    if not isinstance(values, (list, tuple)):
        raise EntityError(f"join() takes a list, and this is {kind_of(values)}")
    if not isinstance(separator, str):
        raise EntityError("what stands between the elements is a text")
    joined: str = _METHODS["join"](separator, [text_of(element) for element in values])
    return joined


@function("Text", builds="pieces")
def split(value: Any, separator: str) -> list[str]:
    """The parts of a text between its separators: `split(order.tags, ",")`."""
    if not isinstance(separator, str) or not separator:
        raise EntityError("the separator is a text of at least one character")
    parts: list[str] = _METHODS["split"](text_of(value), separator)
    return parts


@function("Text", returns="text", reads="little")
def truncate(value: Any, length: int) -> str:
    """The first characters of a text, at most `length`: `truncate(order.note, 255)`."""
    if type(length) is not int or length < 0:
        raise EntityError("the length is a whole number, such as 255")
    return text_of(value)[:length]

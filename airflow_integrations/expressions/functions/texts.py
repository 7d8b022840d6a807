"""Functions that give or read text."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.bounds import bounded_text
from airflow_integrations.expressions.functions.catalogue import function
from airflow_integrations.expressions.guards import text_of
from airflow_integrations.expressions.methods import METHODS

__all__ = ["json_", "matches", "replace", "slug", "text"]


@function("Text", returns="text")
def text(value: Any) -> str:
    """A number, true, false or a moment as text, as JSON writes it: all digits, `true`, RFC 3339."""
    return text_of(value)


@function("Text", returns="text")
def replace(value: str, old: str, new: str) -> str:
    """The text with each `old` replaced by `new`."""
    if not (isinstance(value, str) and isinstance(old, str) and isinstance(new, str)):
        raise EntityError("replace() takes three texts")
    replaced: str = METHODS[str]["replace"](value, old, new)
    return replaced


@function("Text", returns="text")
def slug(value: Any, separator: str = "-") -> str:
    """The text in lower-case ASCII letters and digits, words joined by `separator`: `Größe 42` is `grosse-42`."""
    folded = unicodedata.normalize("NFKD", bounded_text(text_of(value)).casefold())
    return separator.join(re.findall(r"[a-z0-9]+", folded.encode("ascii", "ignore").decode()))


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> Any:
    """A searcher whose time grows with the text's length only: no pattern and no payload makes it run away."""
    import jsonschema_rs

    return jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions()).is_valid


def _constant_pattern(constants: dict[str, Any], given: Any) -> None:
    pattern = constants.get("pattern")
    if not isinstance(pattern, str):
        raise ValueError('matches(): the pattern is written out as text, such as matches(order.sku, "^[A-Z]{3}-")')
    if len(pattern) > 500:
        raise ValueError("matches(): a pattern has at most 500 characters")
    try:
        _pattern(pattern)
    except Exception:
        raise ValueError(
            f"matches(): {pattern!r} is no regular expression (look-around and back-references are not available)"
        ) from None


@function("Text", returns="truth", checked=_constant_pattern)
def matches(value: Any, pattern: str) -> bool:
    """Whether the regular expression is found in the text; `^` and `$` are its ends. The pattern is fixed text."""
    if not isinstance(value, str):
        raise EntityError("matches() takes a text")
    found: bool = _pattern(pattern)(value)
    return found


@function("Text", name="json", returns="text")
def json_(value: Any) -> str:
    """Any value as JSON text, with exact numbers."""
    from airflow_integrations.expressions.bounds import measure
    from airflow_integrations.expressions.guards import plain
    from airflow_integrations.formats.json import encode

    measure(value)
    return bounded_text(encode(plain(value)).decode())

"""One pydantic error in words: what is wrong, what is allowed, what to write."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from airflow_integrations.config.suggestions import described, shortened, unknown
from airflow_integrations.route_files.error_paths import Place, field_schemas, holders
from airflow_integrations.route_files.foreign_words import STYLES
from airflow_integrations.route_files.other_tools_keys import (
    key_remedy,
    kind_remedy,
    step_remedy,
    style_remedy,
    word_remedy,
)
from airflow_integrations.route_files.wrong_forms import value_remedy

__all__ = ["PATTERNS", "worded"]

_EXPECTED = {
    "string_type": "text",
    "string_sub_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "float_type": "a number",
    "float_parsing": "a number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "finite_number": "a finite number",
    "dict_type": "a mapping (key: value)",
    "mapping_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "dataclass_type": "a mapping (key: value)",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "none_required": "nothing",
    "date_type": "a date, such as 2026-01-31",
    "date_parsing": "a date, such as 2026-01-31",
    "date_from_datetime_parsing": "a date, such as 2026-01-31",
    "date_from_datetime_inexact": "a date, such as 2026-01-31",
    "datetime_type": "a moment, such as 2026-01-31T06:00:00Z",
    "datetime_parsing": "a moment, such as 2026-01-31T06:00:00Z",
    "datetime_from_date_parsing": "a moment, such as 2026-01-31T06:00:00Z",
    "time_type": "a time of day, such as 06:00",
    "time_parsing": "a time of day, such as 06:00",
    "is_instance_of": "something else",
}

PATTERNS = {
    r"^[\w.:]+$": "letters, digits, _, . and :",
    r"^[ !#-\[\]-~]+$": "ASCII text without quotes and backslashes",
    r"^[A-Z][A-Z0-9]{1,2}$": "two or three capital letters or digits, such as PO",
    r"^\d{3}$": "three digits, such as 850",
    "^[^\\[\\]:*?/\\\\']+$": "the name of a sheet, without [ ] : * ? / \\ and '",
    r"^[A-Z0-9]{2}$": "two capital letters or digits, such as ZZ",
    r"^[!-~]([ -~]*[!-~])?$": "ASCII text without blanks at its ends",
    r"^[!-/:-@\[-`{-~]$": "one ASCII character that is neither a letter nor a digit",
    r"^[A-Za-z_][A-Za-z0-9_]{0,62}$": "letters, digits and _, not beginning with a digit, at most 63",
    r"^[ -~]+$": "ASCII text",
    '^[^\\x00-\\x1f\\"]{1,63}$': "1 to 63 characters without quotes and control characters",
    r"^[\w.:/@\-]+$": "letters, digits and _ . : / @ -",
    r"^\S(.*\S)?$": "text without blanks at its ends",
    r"^[A-Z]{2}$": "two capital letters, such as UN",
    r"^00[3-9]0\d0[A-Z0-9]*$": "a version of X12, such as 004010",
    r"^[A-Za-z0-9]+$": "letters and digits",
    r"^[a-z0-9_]{1,63}$": "small letters, digits and _, at most 63",
    r"^[A-Za-z][A-Za-z0-9_]*$": "letters, digits and _, beginning with a letter",
    r"^[A-Za-z0-9_.\-]+$": "letters, digits, _, . and -",
    r"^[\w.\-]+$": "letters, digits, _, . and -",
    r"^\d{1,2}(\.\d+)?%$": "a percentage, such as 2%",
    r"^(100|\d{1,2}(\.\d+)?)%$": "a percentage, such as 50%",
    r"^[A-Za-z0-9_\-]+(/[A-Za-z0-9_\-]+)*$": "letters, digits, _ and -, with / between parts, such as shop/orders",
    r"^[A-Za-z0-9._-]+$": "letters, digits, _, . and -",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "letters, digits and _, not beginning with a digit",
    r"^[A-Za-z]\w*$": "letters, digits and _, beginning with a letter",
    r"^\.[^/]+$": "an ending with its point, such as .done",
    r"^[^/]+$": "a name without /",
    r"^[A-Za-z_]\w*$": "letters, digits and _, not beginning with a digit",
    r"^[_A-Za-z]\w*$": "letters, digits and _, not beginning with a digit",
    r"^[A-Za-z][A-Za-z0-9\-]*$": "letters, digits and -, beginning with a letter",
    r"^[A-Za-z0-9!#$%&'*+.^_`|~\-]+$": "the name of a header, such as X-Signature",
    r"^[A-Za-z_][\w\-]*(\.[A-Za-z_][\w\-]*)*$": "names of fields with . between them, such as meta.updated_at",
    r"^[_A-Za-z]\w*(\.[_A-Za-z]\w*)*$": "names of fields with . between them, such as shop.orders",
    r"^[^\W\d]\w*(/[^\W\d]\w*)*$": "names with / between them, such as Customer/Name",
    r"^[^\W\d]\w*([./][^\W\d]\w*)*$": "names with . or / between them, such as Customer/Name",
    r"^[^\W\d][\w/]*( (asc|desc))?$": "a property, with asc or desc behind it where that matters",
    r"^[^\W\d]\w*(\.[^\W\d]\w*)*$": "names with . between them, such as shop.Order",
    r"^[^\s.*>/\\]+$": "text without blanks and without . * > / \\",
    r"^\S+$": "text without blanks",
    r"^(/[^\s{}?#]*)?$": "a path that begins with /, without a query",
    r"^/[\w$./()'-]*$": "a path that begins with /, without a query",
    r"^[A-Za-z_][A-Za-z0-9_\-]*$": "letters, digits, _ and -, beginning with a letter or _",
    r"^[^\x00-\x1f\x7f\"`\[\]:%()]+$": "the name of a column, without quotes, brackets, colons and %",
    r"^[^{}&#]+$": "text without { } & #; values are bound as parameters",
    r"^https?://[^/?#]+(/[^?#]*)?$": "an address, such as https://shop.example/api",
    r"^[a-z]+$": "small letters",
    r"^[A-Z]+$": "capital letters, such as GET",
    r"^[^@\s,;<>\"]+@[^@\s,;<>\"]+$": "an address, such as ops@example.com",
}
"""Pattern of an option to the words for what it allows."""


def worded(error: dict[str, Any], place: Place, parent: Place) -> str:
    """The message for one of ValidationError.errors(). ``parent`` is the place that holds ``place``."""
    kind, context, given = error["type"], error.get("ctx", {}), error.get("input")
    if kind in _WORDS:
        return _WORDS[kind](error, place, parent)
    if kind in _EXPECTED:
        remedy = value_remedy(place.loc, given, place.schema)
        return f"expected {_EXPECTED[kind]}, found {described(given)}{f'; {remedy}' if remedy else ''}"
    if kind in ("value_error", "assertion_error"):
        if isinstance(given, int) and not isinstance(given, bool) and str(error["loc"][-1]).endswith("when"):
            return f"a condition belongs here, and this is a number; compare it, such as status == {given}"
        return str(context.get("error", error["msg"]))
    message = re.sub(r"^(Input|String|List|Tuple|Dictionary|Value) should", "should", error["msg"])
    message = message.removeprefix("Value error, ")
    if message.startswith("should"):
        return f"{message}; found {described(given)}"
    return message


def _unknown_key(error: dict[str, Any], place: Place, parent: Place) -> str:
    key, fields = str(error["loc"][-1]), field_schemas(parent.schema)
    remedy = key_remedy(parent.loc, key)
    if remedy is None and (below := holders(parent.schema, key)):
        remedy = f"it stands below {' or '.join(below)}: write {below[0]}: {{{key}: …}}"
    return _with_remedy("key", key, remedy, unknown("key", key, fields))


def _unknown_kind(error: dict[str, Any], place: Place, parent: Place) -> str:
    remedy = kind_remedy(str(place.loc[0]) if place.loc else "", str(error["ctx"]["at_key"]))
    return _with_remedy("kind", str(error["ctx"]["at_key"]), remedy, error["msg"])


def _with_remedy(what: str, word: str, remedy: str | None, message: str) -> str:
    """The remedy in place of a guess; the message as it is where there is none."""
    return f"unknown {what} {word!r}; {remedy}. {message[message.rindex('One of:') :]}" if remedy else message


def _stage(error: dict[str, Any], place: Place, parent: Place) -> str:
    message, remedy = str(error["msg"]), step_remedy(str(place.loc[0]) if place.loc else "", error["input"])
    return f"{message}; {remedy}" if remedy else message


def _missing(error: dict[str, Any], place: Place, parent: Place) -> str:
    return f"{error['loc'][-1]!r} is missing"


def _literal(error: dict[str, Any], place: Place, parent: Place) -> str:
    schema = place.schema
    allowed = schema["expected"] if schema and schema["type"] == "literal" else re.findall(r"'([^']*)'", error["msg"])
    given = error.get("input")
    if not isinstance(given, str):
        words = {True: "true", False: "false", None: "null"}
        remedy = word_remedy(place.loc, words[given]) if isinstance(given, bool | None) else None
        expected = f"expected one of {', '.join(map(str, allowed))}, found {described(given)}"
        return f"{expected}; {remedy}" if remedy else expected
    return _with_remedy("value", given, word_remedy(place.loc, given), unknown("value", given, allowed))


def _unknown_tag(error: dict[str, Any], place: Place, parent: Place) -> str:
    context = error["ctx"]
    key, tag = str(context["discriminator"]).strip("'"), str(context["tag"])
    remedy = f"write {STYLES[tag]}" if key == "style" and tag in STYLES else None
    return _with_remedy(key, tag, remedy, unknown(key, tag, _tags(place, context)))


def _no_tag(error: dict[str, Any], place: Place, parent: Place) -> str:
    key = str(error["ctx"]["discriminator"]).strip("'")
    remedy = style_remedy(error.get("input"), _tags(place, {}))
    return f"{key!r} is missing{f'; {remedy}' if remedy else ''}. One of: {', '.join(_tags(place, {}))}"


def _tags(place: Place, context: dict[str, Any]) -> list[str]:
    if place.schema and place.schema["type"] == "tagged-union":
        return [str(tag) for tag in place.schema["choices"]]
    return re.findall(r"'([^']*)'", str(context.get("expected_tags", "")))


def _pattern(error: dict[str, Any], place: Place, parent: Place) -> str:
    pattern = error["ctx"]["pattern"]
    allowed = PATTERNS.get(pattern, f"text that matches {pattern}")
    given = str(error["input"])
    if "verify" in error["loc"]:  # it may be the secret itself: it is not repeated
        return (
            "this is not the id of an Airflow Connection (letters, digits, _, . and -); a secret stands in a "
            "Connection as its password, and its id here, such as shop_webhook"
        )
    if "://" in given and str(error["loc"][-1]).endswith("connection"):
        allowed = "the id of an Airflow Connection, such as shop: the address belongs into the Connection"
    elif given.strip("/") and re.fullmatch(pattern, given.strip("/")):
        allowed = given.strip("/")
    return f"{shortened(given)!r} is not allowed here; write {allowed}"


def _too_short(error: dict[str, Any], place: Place, parent: Place) -> str:
    least = error["ctx"]["min_length"]
    return "empty" if least == 1 else f"too short: at least {least} are needed"


def _too_long(error: dict[str, Any], place: Place, parent: Place) -> str:
    return f"too long: at most {error['ctx']['max_length']} are allowed"


def _bound(words: str, key: str) -> Callable[[dict[str, Any], Place, Place], str]:
    return lambda error, place, parent: f"must be {words} {error['ctx'][key]}, found {error['input']}"


_WORDS: dict[str, Callable[[dict[str, Any], Place, Place], str]] = {
    "extra_forbidden": _unknown_key,
    "unknown_kind": _unknown_kind,
    "stage": _stage,
    "missing": _missing,
    "literal_error": _literal,
    "enum": _literal,
    "union_tag_invalid": _unknown_tag,
    "union_tag_not_found": _no_tag,
    "string_pattern_mismatch": _pattern,
    "string_too_short": _too_short,
    "too_short": _too_short,
    "string_too_long": _too_long,
    "too_long": _too_long,
    "greater_than": _bound("more than", "gt"),
    "greater_than_equal": _bound("at least", "ge"),
    "less_than": _bound("less than", "lt"),
    "less_than_equal": _bound("at most", "le"),
}

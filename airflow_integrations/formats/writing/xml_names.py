"""What XML can hold: its names and its characters (XML 1.0, fifth edition, and Namespaces in XML 1.0)."""

from __future__ import annotations

import re
from collections.abc import Set
from functools import cache

__all__ = ["NIL", "PLAIN", "XmlNameError", "attribute_text", "check_name", "element_text"]

NIL = "http://www.w3.org/2001/XMLSchema-instance"
PLAIN = r"^[A-Za-z_][A-Za-z0-9_\-.]*$"
_START = (
    "A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f\u2c00-\u2fef"
    "\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
MAX_NAME = 1000
"""Characters of a name."""
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)
"""A parser makes blanks of line ends in attributes, and ``\\n`` of ``\\r``, where they are not written as numbers."""


class XmlNameError(ValueError):
    """The text says which name, and why it is none."""


@cache
def _name() -> re.Pattern[str]:
    """Compiled at the first name: that takes as long as some ten modules' import."""
    return re.compile(f"[{_START}][{_START}\\-.0-9\xb7\u0300-\u036f\u203f-\u2040]*")


def _is_name(text: str) -> bool:
    return _name().fullmatch(text) is not None


def check_name(name: str, prefixes: Set[str]) -> None:
    """``prefixes``: those that are declared. Raises XmlNameError for what cannot name an element or attribute."""
    prefix, colon, local = name.rpartition(":")
    shown = repr(name[:60])
    if len(name) > MAX_NAME or not _is_name(local) or (colon and not _is_name(prefix)):
        raise XmlNameError(
            f"{shown} cannot be the name of an element or attribute: XML's names begin with a letter or _, and go on "
            f"with letters, digits, and . - _, up to {MAX_NAME:,} characters"
        )
    if name == "xmlns" or prefix == "xmlns":
        raise XmlNameError(f"{shown} would declare a namespace, which xml.namespace and xml.namespaces do")
    if colon and prefix not in prefixes:
        raise XmlNameError(f"{shown} has a prefix that xml.namespaces does not name")


def element_text(text: str) -> str:
    """``]]>`` is not written either: each ``>`` is escaped."""
    return text.translate(_TEXT)


def attribute_text(text: str) -> str:
    """For between double quotes."""
    return text.translate(_ATTRIBUTE)

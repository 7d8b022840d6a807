"""Link headers (RFC 8288): the target of a relation."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["find_link"]

_TARGET = re.compile(r"[\s,]*<([^>]*)>")
_PARAMETER = re.compile(r"""\s*;\s*([^\s=;,"]*)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?""")


def find_link(headers: Mapping[str, str], relation: str) -> str | None:
    """The first target with this relation in the Link headers; None where there is none.

    Of a parameter that stands twice the first counts (RFC 8288 §3.3). A link with another ``anchor`` is about another
    resource and does not count. What cannot be read ends the reading of that header.
    """
    values = headers.getall("Link", []) if hasattr(headers, "getall") else [headers.get("Link", "")]
    for value in values:
        place = 0
        while match := _TARGET.match(value, place):
            target, place = match.group(1).strip(), match.end()
            parameters: dict[str, str] = {}
            while parameter := _PARAMETER.match(value, place):
                place = parameter.end()
                name, quoted, token = parameter.groups()
                text = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else (token or "")
                parameters.setdefault(name.lower(), text)
            if relation.lower() in parameters.get("rel", "").lower().split() and "anchor" not in parameters:
                return target
    return None

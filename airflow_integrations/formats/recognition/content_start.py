"""Recognize content by its beginning: pages, warnings and other formats where records should come."""

from __future__ import annotations

import re

from airflow_integrations.formats import ContentError, FormatName
from airflow_integrations.http.message import excerpt_of

__all__ = ["START", "check_start", "is_html", "refuse_html"]

START = 2048
"""Bytes that are looked at."""
_JSON = frozenset({"application/json", "text/json"})
_XML = frozenset({"application/xml", "text/xml"})
_PROBLEM = frozenset({"application/problem+json", "application/problem+xml"})
_HTML = re.compile(
    rb"(?:\s++|<!--.*?-->|<\?xml[^>]*>)*+<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE | re.DOTALL
)
_LEVELS = rb"(Warning|Notice|Deprecated|Fatal error|Parse error|Strict Standards)"
_WARNING = re.compile(
    rb"\s*+(?:<br />\s*+)?(?:<font size='1'>.{0,400}?)?"
    rb"(?:<b>" + _LEVELS + rb"</b>:|PHP " + _LEVELS + rb":|\(\s?!\s?\)\s*+(?:</span>)?\s*+" + _LEVELS + rb":|"
    + _LEVELS + rb": .{1,1000}? in \S.{0,500}? on line \d)",
    re.IGNORECASE | re.DOTALL,
)  # fmt: skip
_BEGINS_LIKE_JSON = re.compile(rb"""(?:\xef\xbb\xbf)?\s*+(?:\{\s*+["}]|\[\s*+[\[{\]])""")
_BEGINS_LIKE_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*+<(?:\?xml|[A-Za-z_])")


def check_start(start: bytes, name: FormatName, content_type: str | None) -> None:
    """Raises ContentError for content that begins as another format does than the one that it is read in.

    A lenient format would take it for records, or for none: an error message would read as *nothing new*.
    """
    start = start[:START]
    refuse_html(start)
    media = (content_type or "").partition(";")[0].strip().lower()
    if (found := _WARNING.match(start)) is not None:
        level = next(group for group in found.groups() if group).decode().lower()
        raise ContentError(
            f"the server printed a PHP {level} before its answer: "
            f"{excerpt_of(start, 200)!r}; fix it there, or switch display_errors off"
        )
    json_like = media in _JSON or media.endswith("+json")
    if name in ("csv", "fixed_width") and (
        (json_like and start.lstrip()[:1] in (b"{", b"[")) or _BEGINS_LIKE_JSON.match(start)
    ):
        raise ContentError(f"JSON came where the route says format: {name}: {excerpt_of(start, 200)!r}")
    if name in ("csv", "fixed_width") and _BEGINS_LIKE_XML.match(start):
        raise ContentError(f"XML came where the route says format: {name}: {excerpt_of(start, 200)!r}")
    if name == "json_lines" and (media in _PROBLEM or media in _XML):
        raise ContentError(f"{media} came where the route says format: json_lines: {excerpt_of(start, 200)!r}")


def is_html(content: bytes) -> bool:
    """Whether content begins as a page for people does, behind comments and declarations."""
    return _HTML.match(content[:START].removeprefix(b"\xef\xbb\xbf")) is not None


def refuse_html(content: bytes) -> None:
    """Raises ContentError for a page for people, such as a login: to a lenient format it might look like records."""
    if is_html(content):
        raise ContentError(f"an HTML page came instead of data: {excerpt_of(content, 200)!r}")

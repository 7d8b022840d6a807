"""Errors of one kind have one fingerprint, however many entities they befall."""

from __future__ import annotations

import re
from hashlib import blake2b

__all__ = ["fingerprint"]

_VARYING = re.compile(
    r"""
      "[^"]*" | (?<!\w)'[^']*' | ‘[^’]*’ | “[^”]*” | „[^“”]*[“”] | `[^`]*`   # quoted values
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+                                           # e-mail addresses
    | \b(?=[a-z-]*[0-9])[0-9a-f]{4,}(?:-[0-9a-f]{2,})*\b                     # hexadecimal ids, UUIDs
    | \d+(?:[.,:]\d+)*                                                       # numbers, times
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SAID = re.compile(
    r""""[^"\s]{0,40}(?:message|msg|error|code|reason|detail|details|description|title|text|fault|status|type)"
        \s*:\s*"((?:[^"\\]|\\.)*)"?""",
    re.VERBOSE | re.IGNORECASE,
)
"""What a message in JSON says: quoted, but no value."""
_LONGEST = 1_000
"""Characters of a message that are looked at."""


def fingerprint(error_class: str | None, http_status: int | None, message: str | None, *, key: str = "") -> str:
    """16 hexadecimal digits over the kind of an error.

    What differs from entity to entity does not count: ``key`` itself, numbers, ids, quoted values, e-mail addresses.
    The quoted message or code in a JSON text is what the error says, and counts.
    """
    text = (message or "")[:_LONGEST]
    if key:
        text = text.replace(key, "*")
    if '":' in text or '" :' in text:
        text = _SAID.sub(lambda found: found[1].replace('\\"', '"'), text)
    kind = f"{error_class or ''}|{http_status or ''}|{_VARYING.sub('*', text)}"
    return blake2b(kind.encode("utf-8", "replace"), digest_size=8).hexdigest()

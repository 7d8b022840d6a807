"""What the delta of an OData service says of entities that were removed.

OData 4.01 JSON, section 15.3 (``@removed``); 4.0, section 14.2 (``$deletedEntity``), whose ``id`` is the address of
the entity; Dynamics and Microsoft Graph write its bare key there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote

__all__ = ["MARKS", "is_removed", "removed_entity"]

MARKS = (b'"@removed"', b"$deletedEntity")
"""One of these stands in the JSON of every entity that was removed."""
_LONGEST = 2_000
_PREDICATE = re.compile(r"\(((?:'(?:[^']|'')*'|[^'()])*)\)$")
_PART = re.compile(r"\s*(?:(\w+)\s*=\s*)?(?:[A-Za-z]*'((?:[^']|'')*)'|([^',=\s]+))\s*(?:,|$)")
_WHOLE = re.compile(r"-?\d{1,40}", re.ASCII)


def is_removed(value: Any) -> bool:
    """Whether what stands in the place of an entity says that it was removed."""
    if not isinstance(value, Mapping):
        return False
    return "@removed" in value or str(value.get("@odata.context") or value.get("@context") or "").endswith(
        "/$deletedEntity"
    )


def removed_entity(value: Mapping[str, Any], key: Collection[str]) -> dict[str, Any] | None:
    """The key properties of an entity that was removed; None where they cannot be told.

    ``key``: the properties that the route reads its key from. A key of one property is not named in an entity's id.
    """
    own = {name: inner for name, inner in value.items() if not name.startswith("@")}
    if "@removed" in value and own.keys() & set(key):
        return own
    id_ = value.get("@id") or value.get("@odata.id") or value.get("id")
    if not isinstance(id_, str) or len(id_) > _LONGEST:
        return None
    found = _PREDICATE.search(unquote(id_.partition("?")[0]).strip())
    if found is None:
        bare = "@removed" not in value and id_ and not set(id_) & set("()/?'")
        return dict.fromkeys(key, id_) if bare and len(key) == 1 else None
    return _properties(found.group(1), key)


def _properties(text: str, key: Collection[str]) -> dict[str, Any] | None:
    read: dict[str, Any] = {}
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            return None
        name, quoted, plain = part.groups()
        if name is None:
            if len(key) != 1 or part.end() < len(text):
                return None
            (name,) = key
        read[name] = quoted.replace("''", "'") if quoted is not None else _plain(plain)
        at = part.end()
    return read or None


def _plain(text: str) -> Any:
    return int(text) if _WHOLE.fullmatch(text) else text

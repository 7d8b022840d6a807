"""What is publicly known of systems, as data that routes use: ``use: preset:shopify/order``.

Each system is a YAML file here. Its ``facts`` say where each thing is documented and when that was read; together they
answer all of :data:`QUESTIONS`; ``about`` names the one that a fact answers. ``none: true`` means that the source
mentions nothing of the kind.

An entity that is read names in ``parents`` the entities that its records point to, each with the expression of its key;
one that is written says in ``needs`` which of them the target must have before it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["NAMES", "QUESTIONS", "content"]

_FOLDER = Path(__file__).parent

NAMES: tuple[str, ...] = tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))
"""The systems that there are presets for."""

QUESTIONS: dict[str, str] = {
    "sign_in": "how one signs in",
    "paging": "how a list is read to its end",
    "changes": "which field says when something was changed, and how one asks for what was",
    "ids": "what names a record",
    "limits": "how many requests are allowed, and how an answer tells",
    "errors": "what an error looks like",
    "webhooks": "how one knows that a webhook is from the vendor",
}
"""What the facts of each system answer."""


@cache
def content(name: str) -> bytes:
    """The YAML of a preset. Raises KeyError for a name that is none of :data:`NAMES`."""
    if name not in NAMES:
        raise KeyError(name)
    return (_FOLDER / f"{name}.yaml").read_bytes()

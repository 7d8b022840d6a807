"""How a path of ``mask:`` is written in a route. Apart from the mask itself, which needs no models."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

__all__ = ["MaskPath"]


def _readable(text: str) -> str:
    if text.startswith(("$", "/")) or "[" in text:
        path = re.sub(r"\[\W*(\w*)\W*\]", lambda found: f".{found[1] or '*'}", text.replace("/", ".")).lstrip("$.")
        raise ValueError(
            f"{text!r} is a path of another language; write {re.sub('[.]+', '.', path) or 'customer.email'}"
        )
    if not all(part and part == part.strip() and ("*" not in part or part == "*") for part in text.split(".")):
        raise ValueError(
            f"{text!r} is not a path; write field names with dots between, and * for every element of a list or every "
            "field, such as customer.email or lines.*.note"
        )
    return text


MaskPath = Annotated[str, Field(max_length=500), AfterValidator(_readable)]
"""``customer.email``, ``lines.*.note``: fields below the entity. Lists on the way need no star."""

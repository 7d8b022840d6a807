"""A python step for the conformance suite."""

from __future__ import annotations

from typing import Any


def double(entity: Any) -> Any:
    return {"id": entity["id"] * 2}

"""Methods that a fetch may use."""

from __future__ import annotations

from typing import Literal

__all__ = ["Method"]

Method = Literal["GET", "POST", "PUT", "QUERY", "SEARCH", "REPORT"]

"""How long a sender wants to wait for an answer."""

from __future__ import annotations

import re

from airflow_integrations.hooks.request import Request

__all__ = ["LONGEST", "wanted_wait"]

LONGEST = 60.0
"""Seconds."""
_PREFER = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})", re.IGNORECASE)


def wanted_wait(request: Request) -> float:
    """Seconds, from ``?wait=20`` or ``Prefer: wait=20`` (RFC 7240 §4.3), at most 60; 0: the sender does not wait."""
    asked = request.query.get("wait")
    if asked is None:
        found = _PREFER.search(request.headers.get("prefer", ""))
        asked = found[1] if found else "0"
    return min(float(asked), LONGEST) if re.fullmatch(r"\d{1,6}(\.\d{1,3})?", asked, re.ASCII) else 0.0

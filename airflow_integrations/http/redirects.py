"""Which answers are the last word, and which redirects are followed."""

from __future__ import annotations

from airflow_integrations.http.content.stream import Streamed
from airflow_integrations.http.message import Answer, Request
from airflow_integrations.http.retry import Verdict, verdict

__all__ = ["MOST_REDIRECTS", "REDIRECTS", "is_final", "is_followed"]

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 5


def is_final(status: int) -> bool:
    """Whether an answer with this status has content that is read as it arrives."""
    return status not in REDIRECTS and status not in (401, 403) and verdict(status, repeatable=True) is Verdict.FINAL


def is_followed(request: Request, answer: Answer | Streamed, redirects: int) -> bool:
    location = answer.headers.get("Location")
    return bool(location) and request.method in ("GET", "HEAD") and redirects < MOST_REDIRECTS

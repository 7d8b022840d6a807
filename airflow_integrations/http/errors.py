"""The server does not accept who we are, or does not let us do this."""

from __future__ import annotations

from http import HTTPStatus

from airflow_integrations.errors import AnswerError, SetupError
from airflow_integrations.http.message import Answer

__all__ = ["Refused", "UnreadableError", "reason_phrase"]


class Refused(SetupError):
    """A 401 or 403. ``answer`` is what the server said, for callers to whom a 403 may be one entity's matter."""

    def __init__(self, message: str, answer: Answer) -> None:
        super().__init__(message)
        self.answer = answer

    @property
    def status(self) -> int:
        return self.answer.status


class UnreadableError(AnswerError):
    """The answer says success, and its content cannot be read: whatever was asked has probably been done."""


def reason_phrase(status: int) -> str:
    """``503 Service Unavailable``."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)

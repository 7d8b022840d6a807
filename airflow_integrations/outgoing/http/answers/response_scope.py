"""Names that expressions see of a target's answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_integrations.errors import AnswerError, EntityError
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.answer import AnswerFormat, decode_json
from airflow_integrations.formats.recognition.content_start import is_html
from airflow_integrations.http import Answer

__all__ = ["AnswerNames", "is_page"]


class AnswerNames:
    """``status``, ``headers``, ``body``, ``request`` of an answer. The body is decoded once, and only if it is read."""

    def __init__(self, base: Mapping[str, Any], reads: frozenset[str], answers: AnswerFormat) -> None:
        self._base = base
        self._body = "body" in reads
        self._format = answers
        self._last: tuple[Answer, Any] | None = None

    def of(self, answer: Answer) -> dict[str, Any]:
        """Raises EntityError where the body is read and is not what its type says, or neither JSON nor plain text."""
        return {
            **self._base,
            "status": answer.status,
            "headers": answer.headers,  # finds names in any case
            "body": self._decoded(answer) if self._body else None,
            "request": {"method": answer.request.method, "path": answer.request.path, "url": answer.url},
        }

    def _decoded(self, answer: Answer) -> Any:
        if self._last is None or self._last[0] is not answer:
            try:
                body = _body(answer, self._format)
            except EntityError as error:
                body = error
            self._last = answer, body
        body = self._last[1]
        if isinstance(body, EntityError):
            raise body
        return body


def is_page(answer: Answer) -> bool:
    """Whether the answer is a web page: a login form or a proxy's notice. It confirms nothing.

    JSON is JSON, also where it is labelled text/html, as PHP does by default.
    """
    content = answer.content.lstrip()
    if not content:
        return False
    labelled = answer.headers.get("Content-Type", "").lower().startswith("text/html")
    if content[:1] in b"{[":
        return labelled and not _is_json(content)
    return labelled or is_html(answer.content)


def _is_json(content: bytes) -> bool:
    try:
        decode_json(content)
    except ContentError:
        return False
    return True


def _body(answer: Answer, answers: AnswerFormat) -> Any:
    try:
        return answers.decode(answer, place="the answer")
    except AnswerError as error:
        if answers.format == "auto" and answer.headers.get("Content-Type", "").lower().startswith("text/plain"):
            return answer.content.decode("utf-8", "replace").strip()
        raise EntityError(str(error)) from None

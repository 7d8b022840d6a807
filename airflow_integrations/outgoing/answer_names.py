"""What expressions see of a target's answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_integrations.errors import AnswerError, EntityError
from airflow_integrations.formats.answer import AnswerFormat, is_html
from airflow_integrations.http import Answer

__all__ = ["AnswerNames", "is_page"]

_FORMAT = AnswerFormat()


class AnswerNames:
    """``status``, ``headers``, ``body``, ``request`` of an answer. The body is decoded only where it is read."""

    def __init__(self, base: Mapping[str, Any], reads: frozenset[str]) -> None:
        self._base = base
        self._body = "body" in reads

    def of(self, answer: Answer) -> dict[str, Any]:
        """Raises EntityError where the body is read and is not what its type says, or neither JSON nor plain text."""
        return {
            **self._base,
            "status": answer.status,
            "headers": answer.headers,  # finds names in any case
            "body": _body(answer) if self._body else None,
            "request": {"method": answer.request.method, "path": answer.request.path, "url": answer.url},
        }


def is_page(answer: Answer) -> bool:
    """Whether the answer is a web page: a login form, a proxy's notice, but no API's confirmation."""
    if not answer.content:
        return False
    return answer.headers.get("Content-Type", "").lower().startswith("text/html") or is_html(answer.content)


def _body(answer: Answer) -> Any:
    try:
        return _FORMAT.decode(answer, place="the answer")
    except AnswerError as error:
        if answer.headers.get("Content-Type", "").lower().startswith("text/plain"):
            return answer.content.decode("utf-8", "replace").strip()
        raise EntityError(str(error)) from None

"""Paging by a range of records: the request names it in a header, and the answer's Content-Range says what came."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from airflow_integrations.errors import AnswerError
from airflow_integrations.incoming.http.paging import ByPosition, header_text
from airflow_integrations.incoming.http.request_template import RequestTemplate
from airflow_integrations.incoming.http.requester import Response

__all__ = ["ByRange"]

_CONTENT_RANGE = re.compile(r"(?:[\w.\-]+[ =])?\s*(?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.ASCII)


class ByRange(ByPosition):
    """The request names a range of records in a header, such as ``Range: items=0-249``, and ``Content-Range`` in the
    answer tells which came, and perhaps how many there are (RFC 9110 §14). 416 means that nothing is there.

    Example:
        style: range
        size: 250
    """

    style: Literal["range"]
    size: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 100
    """Records that a request asks for.

    Example: ``size: 250``
    """
    header: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9\-]*$")] = "Range"
    """The header that names the range.

    Example: ``header: X-Range``
    """
    value: str = "items={first}-{last}"
    """Its text, where ``{first}`` and ``{last}`` stand for the places of the first and the last record, from 0.

    Example: ``value: "{first}-{last}"``
    """

    @field_validator("value")
    @classmethod
    def _with_places(cls, value: str) -> str:
        if "{first}" not in value or "{last}" not in value:
            raise ValueError("has no {first} and {last} in it, such as items={first}-{last}")
        return value

    @property
    def full(self) -> int:
        return self.size

    def place_in(self, draft: RequestTemplate, at: Mapping[str, Any]) -> RequestTemplate:
        first = at.get("offset", 0)
        text = self.value.replace("{first}", str(first)).replace("{last}", str(first + self.size - 1))
        return draft.with_headers({self.header: header_text(text)})

    def counted(self, said: Response) -> int | None:
        if self.total is not None:
            return super().counted(said)
        total = self._came(said)[2]
        return None if said.answer.status == 416 else total

    def after(
        self, at: Mapping[str, Any], said: Response, raw: Sequence[Any], ended: bool | None
    ) -> dict[str, Any] | None:
        asked = at.get("offset", 0)
        first, last, _ = self._came(said)
        if first is None or last is None:
            if asked == 0 and "Content-Range" not in said.answer.headers and len(raw) != self.size:
                return None  # the server knows no ranges, and this is all
            if not raw:
                return None
            raise AnswerError(
                f"{said.place}: asked for the records from {asked} on, and the answer's Content-Range tells no range: "
                "check pagination.header and value"
            )
        if first != asked or last - first + 1 != len(raw):
            raise AnswerError(
                f"{said.place}: asked for the records from {asked} on, and {len(raw)} came that Content-Range calls "
                f"{first} to {last}: check pagination.header and value, and what records reads"
            )
        return None if self.is_last(raw, ended) else {"offset": last + 1}

    def _came(self, said: Response) -> tuple[int | None, int | None, int | None]:
        """First and last place of the answer's range, and how many records there are; None for what is not told."""
        written = said.answer.headers.get("Content-Range")
        if written is None:
            return None, None, None
        match = _CONTENT_RANGE.fullmatch(written.strip())
        if match is None:
            raise AnswerError(f"{said.place}: Content-Range {said.answer.redact(written)[:60]!a} is not understood")
        first, last, total = (int(part) if part and part != "*" else None for part in match.groups())
        return first, last, total

    def back(self, at: Mapping[str, Any], records: int, length: int) -> tuple[dict[str, Any], int] | None:
        offset = at.get("offset", 0)
        steps = min(records, offset)
        return ({"offset": offset - steps}, steps) if steps else None

"""Long answers in one piece (CSV, JSON lines, XML records): records are handed on while the answer arrives."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import AnswerError
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.answer import refuse_html
from airflow_integrations.formats.json import encode_anyhow
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.http_asking import refusal
from airflow_integrations.incoming.http_draft import Draft
from airflow_integrations.incoming.http_options import HttpIncomingConfig
from airflow_integrations.incoming.http_paging import NoPaging

if TYPE_CHECKING:
    from airflow_integrations.http import HttpClient, Streamed

__all__ = ["PAGE", "can_stream", "stream_pages"]

PAGE = 1000
"""Records that are handed on at once."""


def can_stream(config: HttpIncomingConfig) -> bool:
    """Whether the answer need not be held as a whole: its format is said, and nothing reads the whole of it."""
    by_record = config.format in ("csv", "json_lines") or (config.format == "xml" and config.xml.record is not None)
    whole = config.details or config.error_when or config.retry_when or config.records.text.strip() != "body"
    return by_record and not whole and isinstance(config.pagination, NoPaging)


async def stream_pages(
    client: HttpClient, draft: Draft, config: HttpIncomingConfig, place: str, resume: Any
) -> AsyncIterator[Page]:
    """The records in pages of about a thousand.

    A saved place is the number of records before it and their fingerprint: the answer is asked for anew and so many
    are passed over. Raises AnswerError where they are others than they were.
    """
    skip, expected = _saved(resume)
    passed, digest = 0, hashlib.blake2b(digest_size=16)
    batch: list[Any] = []
    async with client.stream(draft.request()) as head:
        if head.status >= 300:
            raise refusal(await head.read(), place)
        async for records in _records(head, config, place):
            for record in records:
                passed += 1
                digest.update(encode_anyhow(record))
                if passed > skip:
                    batch.append(record)
                elif passed == skip and digest.hexdigest() != expected:
                    raise AnswerError(f"{place}: the first {skip} records are not those of the saved place any more")
            if len(batch) >= PAGE:
                yield Page(batch, {"v": 1, "passed": passed, "digest": digest.hexdigest()})
                batch = []
    if passed < skip:
        raise AnswerError(f"{place}: the answer has {passed} records; the saved place is behind {skip}")
    yield Page(batch)


async def _records(head: Streamed, config: HttpIncomingConfig, place: str) -> AsyncIterator[list[Any]]:
    reader = config.reader(head.headers)
    assert reader is not None
    try:
        begun = False
        async for chunk in head.chunks():
            if not begun and chunk.strip():
                begun = True
                refuse_html(chunk)
            yield reader.feed(chunk)
        yield reader.finish()
    except ContentError as error:
        raise AnswerError(f"{place}: {head.redact(str(error))}") from None


def _saved(resume: Any) -> tuple[int, str]:
    if resume is None:
        return 0, ""
    try:
        if resume["v"] != 1:
            raise ValueError
        return int(resume["passed"]), str(resume["digest"])
    except (KeyError, TypeError, ValueError):
        raise AnswerError("the saved place is of another kind than this incoming's") from None

"""Long answers in one piece (CSV, JSON lines, XML records): records are handed on while the answer arrives."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import AnswerError
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.answer import BY_RECORD
from airflow_integrations.formats.head import HEAD, head_of
from airflow_integrations.formats.json import encode_anyhow
from airflow_integrations.formats.recognition.content_start import START
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.http.listed import Listed
from airflow_integrations.incoming.http.pager import beyond_bound
from airflow_integrations.incoming.http.pagination import NoPaging
from airflow_integrations.incoming.http.request_template import RequestTemplate
from airflow_integrations.incoming.http.requester import Requester, refusal

if TYPE_CHECKING:
    from airflow_integrations.http import HttpClient, Streamed

__all__ = ["PAGE", "can_stream", "stream_pages"]

PAGE = 1000
"""Records that are handed on at once."""
DOUBTFUL = 100
"""Lines that no message has more of."""


def can_stream(config: Listed) -> bool:
    """Whether the answer need not be held as a whole: its format is said, and nothing reads the whole of it."""
    by_record = config.format in BY_RECORD or (config.format == "xml" and config.xml.record is not None)
    whole = config.retry_when or config.records.text.strip() != "body"
    return by_record and not whole and isinstance(config.pagination, NoPaging)


async def stream_pages(
    client: HttpClient,
    draft: RequestTemplate,
    config: Listed,
    asking: Requester,
    resume: Any,
    required: Collection[str] = (),
) -> AsyncGenerator[Page, None]:
    """The records in pages of about a thousand.

    A saved place is the number of records before it and their fingerprint: the answer is asked for anew and so many
    are passed over. ``required`` are the columns that CSV must have. Raises AnswerError
    where they are others than they were.
    """
    skip, expected = _saved(resume)
    passed, digest = 0, hashlib.blake2b(digest_size=16)
    batch: list[Any] = []
    doubtful: list[Any] | None = []
    """The records so far, where they may be an error message instead; None once one is surely a record."""
    request = draft.request()
    place = asking.place(request)
    async with client.stream(request) as head:
        if head.status >= 300:
            answer = await head.read()
            if config.empty_when is None or not asking.is_empty(asking.judged(answer, request)):
                raise refusal(answer, place)
            yield Page([])
            return
        start = _Start()
        async for records in _records(head, config, asking, place, required, start):
            doubtful = _still_doubtful(doubtful, records)
            for record in records:
                passed += 1
                digest.update(encode_anyhow(record))
                if passed > skip:
                    batch.append(record)
                elif passed == skip and digest.hexdigest() != expected:
                    raise AnswerError(f"{place}: the first {skip} records are not those of the saved place any more")
            if config.pagination.at_most is not None and passed >= config.pagination.at_most:
                raise AnswerError(beyond_bound(place, f"{passed} records came", config.pagination.at_most))
            if len(batch) >= PAGE:
                yield Page(batch, {"v": 1, "passed": passed, "digest": digest.hexdigest()})
                batch = []
        if doubtful is not None and not start.empty:
            answer = head.answer(start.content)
            seen = head_of(start.content, head.headers.get("Content-Type"), config)
            asking.mind_reported(asking.response(answer, request, seen), doubtful)
    if passed < skip:
        raise AnswerError(f"{place}: the answer has {passed} records; the saved place is behind {skip}")
    yield Page(batch)


class _Start:
    """The beginning of an answer; ``empty``: it means nothing, as ``empty_when`` says."""

    def __init__(self) -> None:
        self.content = b""
        self.empty = False


def _still_doubtful(before: list[Any] | None, records: list[Any]) -> list[Any] | None:
    if before is None or len(before) + len(records) > DOUBTFUL:
        return None
    found = [*before, *records]
    return found if len(found) < 2 or all(type(record) is BadRecord for record in found) else None


class _NothingError(Exception):
    """There are no records, as ``empty_when`` says."""


async def _records(
    head: Streamed, config: Listed, asking: Requester, place: str, required: Collection[str], seen: _Start
) -> AsyncIterator[list[Any]]:
    content_type = head.headers.get("Content-Type")

    asks = config.empty_when is not None or config.error_when is not None

    def begins(start: bytes) -> None:
        if seen.content:  # another file of the same answer
            return
        seen.content = start
        if not asks:
            return
        answer = head.answer(start)
        said = asking.response(answer, head.request, head_of(start, content_type, config))
        if asking.is_empty(said):
            raise _NothingError
        asking.mind_error(said)

    documents = config.documents(
        content_type,
        required=required,
        rejects=True,
        held=head.limit,
        begins=begins,
        start=HEAD if asks else START,
    )
    assert documents is not None
    try:
        async for chunk in head.chunks():
            for records in documents.feed(chunk):
                yield records
        for records in documents.finish():
            yield records
    except _NothingError:
        seen.empty = True
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

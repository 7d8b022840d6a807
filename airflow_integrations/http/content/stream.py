"""An answer whose content is read as it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import aiohttp

from airflow_integrations.errors import AnswerError, OutageError, why_unreachable
from airflow_integrations.http.content.body import chunks
from airflow_integrations.http.content.content_encoding import CodingError
from airflow_integrations.http.message import Answer, Request
from airflow_integrations.http.wire.session import Response

__all__ = ["BROKEN", "Streamed", "cause", "shown", "too_large"]

BROKEN = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
"""What aiohttp raises for a connection that does not come about, breaks or stays silent."""


def cause(error: BaseException) -> str:
    """Why a connection failed, in a few words."""
    if isinstance(error, TimeoutError):
        return "could not connect in time" if isinstance(error, aiohttp.ConnectionTimeoutError) else "no answer in time"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the answer ended in the middle"
    if isinstance(error, aiohttp.ClientResponseError):  # its own text holds the URL, and that perhaps a key
        return f"what came is not HTTP answer: {' '.join(error.message.split())[:200]!r}"
    if isinstance(error, aiohttp.InvalidURL):
        return "its URL cannot be used"
    return (
        why_unreachable(error)
        if isinstance(error, aiohttp.ClientConnectorError)
        else str(error)[:300] or type(error).__name__
    )


def shown(error: Exception) -> Exception | None:
    """The error as the cause of another one; None for errors whose own text holds the URL, and that perhaps a key."""
    return None if isinstance(error, aiohttp.ClientResponseError | aiohttp.InvalidURL) else error


def too_large(limit: int) -> str:
    return f"the answer has over {limit:,} bytes; ask for smaller pages, or raise max_answer_bytes in the Connection"


class Streamed:
    """The head of an answer whose content is still to come. Usable inside ``async with client.stream(…)``."""

    def __init__(
        self,
        response: Response,
        request: Request,
        url: str,
        name: str,
        limit: int,
        redact: Callable[[str], str] = str,
        *,
        arrived: Callable[[int], None] = lambda size: None,
    ) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self.request = request
        self.url = url
        self.attempts = 1
        self.redact = redact
        self._response = response
        self._name = name
        self._source = chunks(response)
        self._ahead: list[bytes] = []
        self.limit = limit
        self._arrived = arrived

    async def begin(self, most: int) -> bytes:
        """The first bytes, which :meth:`chunks` gives as well: ``most`` of them or a few more, or all there are.

        Raises what aiohttp raises for a broken connection, and CodingError.
        """
        async for chunk in self._source:
            self._arrived(len(chunk))
            self._ahead.append(chunk)
            if sum(map(len, self._ahead)) >= most:
                break
        return b"".join(self._ahead)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Decoded bytes as they arrive. Their sum is not bounded; what is held in memory is.

        Raises OutageError where the connection breaks: what came before was not all of it.
        """
        try:
            while self._ahead:
                yield self._ahead.pop(0)
            async for chunk in self._source:
                self._arrived(len(chunk))
                yield chunk
        except CodingError as error:
            kind = OutageError if error.early else AnswerError
            raise kind(f"{self._name}: {self.request}: {error}") from None
        except BROKEN as error:
            raise OutageError(f"{self._name}: {self.request}: {cause(error)}") from shown(error)

    async def read(self) -> Answer:
        """The whole answer, bounded by the endpoint's ``max_answer_bytes``."""
        parts: list[bytes] = []
        size = 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > self.limit:
                raise AnswerError(f"{self._name}: {self.request}: {too_large(self.limit)}")
            parts.append(chunk)
        return self.answer(b"".join(parts))

    def answer(self, content: bytes) -> Answer:
        """An answer with this as its content."""
        return Answer(self.status, self.headers, content, self.url, self.request, redact=self.redact, limit=self.limit)

    def close(self) -> None:
        self._response.close()

"""The content of an answer, read within bounds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from airflow_integrations.http.content.content_encoding import Decoding, is_coding
from airflow_integrations.http.wire.session import Response

__all__ = ["TooLargeError", "chunks", "whole"]


log = logging.getLogger("airflow_integrations.http")


class TooLargeError(Exception):
    """The answer has more decoded bytes than the endpoint allows."""


async def whole(response: Response, limit: int, seconds: float) -> bytes:
    """All decoded bytes, if they come within some seconds.

    Raises TooLargeError, CodingError, TimeoutError, and what aiohttp raises for a broken connection.
    """
    if "Content-Encoding" not in response.headers:
        length = response.content_length
        if length is not None:
            if length > limit and response.method != "HEAD":
                raise TooLargeError
            if response.content.is_eof():  # it came with the head, as short answers do
                return response.content.read_nowait()
    async with asyncio.timeout(seconds):  # a server that drips bytes never lets the read time-out begin
        return await _joined(response, limit)


async def _joined(response: Response, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in chunks(response):
        size += len(part)
        if size > limit:
            raise TooLargeError
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def chunks(response: Response) -> AsyncIterator[bytes]:
    """The decoded content as it arrives, in pieces that fit in memory."""
    coding = response.headers.get("Content-Encoding", "identity")
    if not is_coding(coding):
        if coding.strip().lower() not in ("identity", ""):
            log.warning("%s: Content-Encoding %r is not a coding, and is ignored", response.url.host, coding[:60])
        async for chunk in response.content.iter_any():
            yield chunk
        return
    decoding = Decoding(coding, mislabelled=True)
    async for chunk in response.content.iter_any():
        for piece in decoding.feed(chunk):
            yield piece
    decoding.finish()

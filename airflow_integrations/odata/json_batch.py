"""Batches in JSON (OData JSON 4.01, section 19)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from typing import Any

import msgspec

from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.json import encode, read
from airflow_integrations.formats.json_records import separated
from airflow_integrations.odata.multipart import MalformedError, Part, PartAnswer

__all__ = ["agreed", "answers_in", "written"]


def written(parts: Sequence[Part]) -> tuple[bytes, str]:
    """The body of a batch whose requests are independent of each other, and its Content-Type."""
    requests = []
    for number, part in enumerate(parts, 1):
        request: dict[str, Any] = {
            "id": str(number),
            "method": part.method,
            "url": part.path,
            "headers": {name.lower(): value for name, value in part.headers.items()},
        }
        if part.body is not None:
            request["body"] = msgspec.Raw(part.body)
        requests.append(request)
    return encode({"requests": requests}), "application/json"


def agreed(content: bytes) -> tuple[str, str]:
    """An answer that takes each request of a batch that :func:`written` wrote, and its Content-Type."""
    responses = [{"id": request["id"], "status": 204} for request in read(content)["requests"]]
    return encode({"responses": responses}).decode(), "application/json"


def answers_in(content: bytes, count: int) -> dict[int, PartAnswer | None]:
    """The answer to each request, by the request's place from 0. Raises MalformedError.

    If one response cannot be read, the others still count. It does not say which request it answers, so each request
    without a readable response has None then.
    """
    responses, whole = _responses(content)
    found: dict[int, PartAnswer | None] = {}
    for response in responses:
        if not isinstance(response, dict):
            raise MalformedError("a response in it is not an object")
        id_, status = response.get("id"), response.get("status")
        place = int(id_) - 1 if isinstance(id_, str) and id_.isascii() and id_.isdecimal() and len(id_) < 8 else -1
        if not 0 <= place < count or place in found:
            raise MalformedError("a response in it belongs to no request, or a request has two")
        if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 599:
            raise MalformedError(f"the response {id_} has no status")
        headers = response.get("headers")
        named = {str(name).lower(): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}
        inner = response.get("body")
        if inner is not None and not isinstance(inner, str):
            named.setdefault("content-type", "application/json")
        found[place] = PartAnswer(status, named, _content(inner), id_)
    if not whole:
        for place in range(count):
            found.setdefault(place, None)
    return found


def _responses(content: bytes) -> tuple[list[Any], bool]:
    """The responses of a batch, and whether these are all. Raises MalformedError."""
    try:
        body = read(content)
    except ContentError as error:
        apart = separated(content, ("responses",))
        if apart is None:
            raise MalformedError(str(error)) from None
        found: list[Any] = []
        for piece in apart[1]:
            if type(piece) is BadRecord:
                continue
            with contextlib.suppress(ContentError):
                found.append(read(bytes(piece)) if type(piece) is msgspec.Raw else piece)
        return found, False
    responses = body.get("responses") if isinstance(body, dict) else None
    if not isinstance(responses, list):
        raise MalformedError("it has no list of responses")
    return responses, True


def _content(inner: Any) -> bytes:
    """The body of a response as bytes."""
    if inner is None or isinstance(inner, str):
        return (inner or "").encode("utf-8", "replace")
    try:
        return encode(inner)
    except ValueError:  # half of a surrogate pair
        return json.dumps(inner, default=str).encode()

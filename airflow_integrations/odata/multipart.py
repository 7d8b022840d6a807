"""Batches in ``multipart/mixed``: one request for many, and the answers in its answer.

OData 4.01, section 11.7.7; version 2: https://www.odata.org/documentation/odata-version-2-0/batch-processing/.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["MalformedError", "Part", "PartAnswer", "agreed", "answers_in", "written"]

MOST_HEADERS = 100
_BOUNDARY = re.compile(r'\bboundary\s*=\s*(?:"([^"\r\n]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?:[ \t][^\r\n]*)?")


class MalformedError(Exception):
    """The answer to a batch is not what the standard says."""


@dataclass(frozen=True, slots=True)
class Part:
    """One request of a batch; ``path`` begins at the service's root, without a slash before it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """The answer to one request. ``content_id`` names the request, where the service says it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    content_id: str | None = None


def written(parts: Sequence[Part]) -> tuple[bytes, str]:
    """The body of a batch in which each request is a change set of its own, and its Content-Type.

    Boundaries are made of the contents, so that no content can hold them and equal batches are equal bytes.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr((part.method, part.path, sorted(part.headers.items()))).encode() + b"\0")
        digest.update(part.body or b"")
    name = digest.hexdigest()[:32]
    pieces = []
    for number, part in enumerate(parts, 1):
        inner = f"changeset_{name}_{number}"
        head = f"{part.method} {part.path} HTTP/1.1\r\n"
        head += "".join(f"{header}: {value}\r\n" for header, value in part.headers.items())
        if part.body is not None:
            head += f"Content-Length: {len(part.body)}\r\n"
        pieces.append(
            f"--batch_{name}\r\nContent-Type: multipart/mixed; boundary={inner}\r\n\r\n"
            f"--{inner}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
            f"Content-ID: {number}\r\n\r\n{head}\r\n".encode()
            + (part.body or b"")
            + f"\r\n--{inner}--\r\n".encode()
        )
    return b"".join(pieces) + f"--batch_{name}--\r\n".encode(), f"multipart/mixed; boundary=batch_{name}"


def agreed(content: bytes) -> tuple[str, str]:
    """An answer that takes each request of a batch that :func:`written` wrote, and its Content-Type."""
    count = content.count(b"\r\nContent-Transfer-Encoding: binary\r\nContent-ID: ")
    part = "--agreed\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\r\n"
    return part * count + "--agreed--\r\n", "multipart/mixed; boundary=agreed"


def answers_in(content: bytes, content_type: str, most: int) -> list[PartAnswer]:
    """The answers of a batch in their order, those of change sets among them. Raises MalformedError.

    ``most`` is how many requests were sent: there are no more answers than that.
    """
    found: list[PartAnswer] = []
    for headers, body in _parts(content, content_type, most + 1):
        type_ = headers.get("content-type", "")
        if type_.lower().startswith("multipart/"):
            for inner_headers, inner in _parts(body, type_, most + 1):
                found.append(_answer(inner_headers, inner))
        else:
            found.append(_answer(headers, body))
        if len(found) > most:
            raise MalformedError(f"it has more answers than the {most} requests that were sent")
    return found


def _parts(content: bytes, content_type: str, most: int) -> list[tuple[dict[str, str], bytes]]:
    named = _BOUNDARY.search(content_type[:1000])
    if named is None:
        raise MalformedError(f"its type {content_type[:80]!r} names no boundary")
    mark = b"--" + (named.group(1) or named.group(2)).encode("latin-1", "replace")
    at = _next_mark(content, mark, 0)
    parts: list[tuple[dict[str, str], bytes]] = []
    while at >= 0:
        begin = at + len(mark)
        if content[begin : begin + 2] == b"--":
            return parts
        end = _next_mark(content, mark, begin)
        if end < 0:
            raise MalformedError("it ends in the middle: its last boundary is missing")
        if len(parts) >= most:
            raise MalformedError("it has more answers than requests were sent")
        inner = content[content.find(b"\n", begin) + 1 : end]
        inner = inner[:-2] if inner.endswith(b"\r\n") else inner.removesuffix(b"\n")
        parts.append(_headed(inner))
        at = end
    raise MalformedError("its boundary stands nowhere in it")


def _next_mark(content: bytes, mark: bytes, start: int) -> int:
    """Where the boundary stands next at the beginning of a line and as all of it; -1 where it does not."""
    at = content.find(mark, start)
    while at >= 0:
        behind = content[at + len(mark) : at + len(mark) + 2]
        if (at == 0 or content[at - 1] == 0x0A) and (behind[:1] in (b"\r", b"\n", b" ", b"\t", b"") or behind == b"--"):
            return at
        at = content.find(mark, at + 1)
    return -1


def _headed(content: bytes) -> tuple[dict[str, str], bytes]:
    """Headers by their names in lower case, and what follows the empty line behind them."""
    headers: dict[str, str] = {}
    at = count = 0
    while True:
        end = content.find(b"\n", at)
        line = content[at : end if end >= 0 else len(content)].rstrip(b"\r")
        if not line:
            return headers, content[end + 1 :] if end >= 0 else b""
        name, colon, value = line.decode("utf-8", "replace").partition(":")
        count += 1
        if not colon or count > MOST_HEADERS:
            raise MalformedError(f"a part has {name[:60]!r} in place of a header")
        headers[name.strip().lower()] = value.strip()
        if end < 0:
            return headers, b""
        at = end + 1


def _answer(outer: Mapping[str, str], content: bytes) -> PartAnswer:
    content = content.lstrip(b"\r\n")
    end = content.find(b"\n")
    first = content[: end if end >= 0 else len(content)].rstrip(b"\r")
    status = _STATUS.fullmatch(first)
    if status is None:
        raise MalformedError(f"a part begins with {first[:60]!r} in place of a status")
    headers, body = _headed(content[end + 1 :]) if end >= 0 else ({}, b"")
    content_id = headers.get("content-id") or outer.get("content-id")
    return PartAnswer(int(status.group(1)), headers, body, content_id)

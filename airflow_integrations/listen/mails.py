"""A mail becomes messages: its texts in one, or one for each attachment that is wanted. Work is linear in its size."""

from __future__ import annotations

import email
import fnmatch
from collections.abc import Iterator
from email.header import decode_header, make_header
from email.message import Message as Parsed
from email.utils import getaddresses
from typing import Any

from airflow_integrations.formats.json import encode
from airflow_integrations.formats.recognition.media_types import type_of_name
from airflow_integrations.listen import Message

__all__ = ["messages_of"]

MOST_NESTED = 50
"""Parts with parts of their own: the parser compares each line with the end of every part that is open."""
MOST_PARTS = 500
MOST_HEADERS = 200
MOST_IN_HEADER = 2000
"""Characters of a header that are read."""


def messages_of(content: bytes, mark: str, folder: str, wanted: str | None) -> list[Message]:
    """``mark`` names the mail. ``wanted`` is a pattern for the names of attachments, each of which is a message then.

    One that cannot be read is a message with a ``fault``.
    """
    try:
        if wanted is None:
            return [_whole(_parsed(content), mark, folder)]
        return list(_attachments(_parsed(content), mark, folder, wanted))
    except _UnreadableError as error:
        why = str(error)
    except Exception as error:  # the parser meets what strangers wrote
        why = f"the mail cannot be read: {type(error).__name__}: {error}"
    return [Message(mark, content[:65536], folder, fault=why)]


class _UnreadableError(Exception):
    """The text says why."""


def _parsed(content: bytes) -> Parsed:
    small = content.lower()
    nested = min(small.count(b"multipart/"), small.count(b"boundary")) + small.count(b"message/")
    if nested > MOST_NESTED:
        raise _UnreadableError(f"the mail has over {MOST_NESTED} parts with parts of their own")
    return email.message_from_bytes(content)


def _whole(mail: Parsed, mark: str, folder: str) -> Message:
    texts: dict[str, str] = {}
    attachments: list[dict[str, Any]] = []
    for part in _leaves(mail):
        name, kind = _name(part), part.get_content_type()
        if name is None and kind in ("text/plain", "text/html"):
            texts.setdefault(kind, _text(part))
        else:
            attachments.append({"name": name, "content_type": kind, "size": len(_bytes(part))})
    headers = _headers(mail)
    body = {
        "subject": headers.get("subject"),
        "from": _addresses(headers.get("from")),
        "to": _addresses(headers.get("to")),
        "cc": _addresses(headers.get("cc")),
        "date": headers.get("date"),
        "message_id": headers.get("message-id"),
        "text": texts.get("text/plain"),
        "html": texts.get("text/html"),
        "attachments": attachments,
    }
    return Message(mark, encode(body), folder, headers, "application/json")


def _attachments(mail: Parsed, mark: str, folder: str, wanted: str) -> Iterator[Message]:
    headers = _headers(mail)
    found = 0
    for part in _leaves(mail):
        name = _name(part)
        if name is None or not fnmatch.fnmatchcase(name.lower(), wanted.lower()):
            continue
        found += 1
        told = {**headers, "attachment-name": name}
        kind = type_of_name(name) or part.get_content_type()  # programs say application/octet-stream of anything
        charset = part.get_content_charset()
        content_type = f"{kind}; charset={charset}" if charset and charset.isascii() else kind
        yield Message(f"{mark}#{found}", _bytes(part), folder, told, content_type)
    if not found:
        raise _UnreadableError(f"the mail {headers.get('subject', '')!r:.200} has no attachment called {wanted}")


def _leaves(mail: Parsed) -> Iterator[Parsed]:
    """Its parts that have no parts; a mail that is attached is one of them."""
    waiting, count = [mail], 0
    while waiting:
        part = waiting.pop()
        count += 1
        if count > MOST_PARTS:
            raise _UnreadableError(f"the mail has over {MOST_PARTS} parts")
        inner = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inner, list):
            waiting.extend(reversed(inner))  # type: ignore[arg-type]  # a multipart's payload is a list of parts
        else:
            yield part


def _bytes(part: Parsed) -> bytes:
    found = part.get_payload(decode=True)
    if isinstance(found, bytes):
        return found
    inner = part.get_payload()
    return inner[0].as_bytes() if isinstance(inner, list) and inner and isinstance(inner[0], Parsed) else b""


def _text(part: Parsed) -> str:
    content = _bytes(part)
    try:
        return content.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:  # a charset that nobody knows
        return content.decode("utf-8", "replace")


def _name(part: Parsed) -> str | None:
    """The name of an attachment; None for what is no attachment. It is a name, and never a path."""
    name = part.get_filename()
    if name is None:
        return "" if part.get_content_disposition() == "attachment" else None
    return _decoded(name).replace("\\", "/").rpartition("/")[2]


def _headers(mail: Parsed) -> dict[str, str]:
    """By lower-case name; of several of one name the first."""
    found: dict[str, str] = {}
    for name, value in mail.items()[:MOST_HEADERS]:
        found.setdefault(name.lower()[:100], _decoded(str(value)))
    return found


def _decoded(value: str) -> str:
    value = value[:MOST_IN_HEADER]
    try:
        text = str(make_header(decode_header(value)))
    except Exception:  # as it is written: it may be anything
        text = value
    text = " ".join(text.split())
    return text.encode("utf-8", "replace").decode()


def _addresses(value: str | None) -> list[str]:
    return [address for _, address in getaddresses([value]) if address] if value else []

"""Make foreign text safe for a terminal: nothing of a payload moves its cursor or changes its title."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

__all__ = ["ago", "json_text", "moment", "pretty", "visible", "visible_key", "with_status"]

_SPACE = "\N{OPEN BOX}"


def visible(text: str) -> str:
    """The text on one line; what cannot be seen, or turns the direction of writing, as an escape."""
    return text if text.isprintable() else "".join(map(_seen, text))


def visible_key(text: str) -> str:
    """As :func:`visible`, and with spaces that one would not notice: at either end, and where several follow."""
    shown = visible(text)
    if shown == shown.strip(" ") and "  " not in shown:
        return shown
    ends = len(shown) - len(shown.lstrip(" ")), len(shown.rstrip(" "))
    return "".join(
        _SPACE
        if c == " " and (not ends[0] <= at < ends[1] or " " in (shown[at - 1 : at], shown[at + 1 : at + 2]))
        else c
        for at, c in enumerate(shown)
    )


def with_status(status: int | None, message: str) -> str:
    """``HTTP 422: no name``; a message that begins with the status, as most do, has it once."""
    if not status or message.startswith(f"HTTP {status}"):
        return message
    return f"HTTP {message}" if message.startswith(str(status)) else f"HTTP {status}: {message}".removesuffix(": ")


def _seen(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape", "backslashreplace").decode()


def json_text(value: object, *, indent: int | None = None) -> str:
    """JSON of a structure of the ledger; what cannot be seen in its texts is escaped as JSON has it."""
    encoded = msgspec.json.encode(value)
    if indent is not None:
        encoded = msgspec.json.format(encoded, indent=indent)
    text = encoded.decode()
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def pretty(payload: str) -> str:
    """JSON over several lines, numbers as they are. What is not JSON, as a source may have given it, stays as it is."""
    try:
        return msgspec.json.format(payload, indent=2) + "\n"
    except (msgspec.DecodeError, UnicodeEncodeError):
        return payload


def moment(at: float | None) -> str:
    """``2026-01-31 06:00:05Z``; empty for None. ``at``: seconds since the epoch."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def ago(at: float | None, now: float) -> str:
    """``3m ago``, ``in 2h``, ``5d ago``; empty for None."""
    if at is None:
        return ""
    seconds = abs(now - at)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if seconds >= size:
            text = f"{int(seconds // size)}{unit}"
            return f"{text} ago" if at < now else f"in {text}"
    return "now"

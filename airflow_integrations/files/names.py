"""Names that a server lists: what can be a file's name, and what cannot."""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["LINK_OUT", "LINK_TO_NOTHING", "UNWRITABLE", "named", "told_name"]

UNWRITABLE = "its name has line breaks, or is not in UTF-8; it was not read"
LINK_OUT = "it is a link that leads out of the folder; it was not read"
LINK_TO_NOTHING = "it is a link to nothing that is there; it was not read"

log = logging.getLogger("airflow_integrations")


def named(folder: str, name: bytes, info: dict[str, Any], encoding: str = "utf-8") -> dict[str, Any] | None:
    """``info`` with its path, of a name in ``encoding``; None for the folder itself, the one above it, and what is no
    name.

    One that cannot be asked for or written down has a ``fault``.
    """
    if name in (b"", b".", b".."):
        return None
    if b"/" in name or b"\0" in name:
        log.warning("the server lists %r in %s, which is not the name of a file; it is passed over", name, folder)
        return None
    try:
        text = told = name.decode(encoding)
    except UnicodeError:
        text, told = "", name.decode("utf-8", "backslashreplace")
    told = told_name(told)
    info = {**info, "name": f"{folder.rstrip('/')}/{told}"}
    return info if told == text else {**info, "fault": UNWRITABLE}


def told_name(name: str) -> str:
    """The name with escapes for what cannot be written down."""
    shown = name.encode("utf-8", "backslashreplace").decode()
    return shown.replace("\n", "\\n").replace("\r", "\\r")

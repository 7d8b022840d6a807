"""Whether a ledger is the one that was used here before: a lost one would be made anew, and all be sent again."""

from __future__ import annotations

import hashlib
import json
import secrets
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, insert, select

from airflow_integrations.errors import SetupError
from airflow_integrations.ledger.storage.tables import identity

__all__ = ["LedgerReplaced", "Marker", "add", "identities", "new_id"]


class LedgerReplaced(SetupError):
    """Another ledger, or none, is where one was in use."""


def new_id() -> str:
    return secrets.token_hex(16)


def identities(connection: Connection) -> list[str]:
    """The ledger's own id first, then those of the lost ones that it stands in for."""
    return list(connection.scalars(select(identity.c.id).order_by(identity.c.since, identity.c.id)))


def add(connection: Connection, name: str) -> None:
    connection.execute(insert(identity).values(id=name, since=time.time()))


@dataclass(frozen=True, slots=True)
class Marker:
    """A file of this machine that remembers which ledger was found at which address. It holds no credentials.

    A file that cannot be read remembers nothing, and one that cannot be written changes nothing.
    """

    file: Path
    url: URL
    where: str
    """How people are told which ledger it is."""

    @property
    def known(self) -> str | None:
        """The id of the ledger that was found at the address. None: it is opened for the first time."""
        found = self._entry().get("id")
        return found if isinstance(found, str) else None

    def remember(self, name: str) -> None:
        """Note it where nothing is noted."""
        if self.known is not None:
            return
        content = self._read()
        content[self._address] = {"ledger": self.where.removeprefix("the ledger "), "id": name, "since": _today()}
        temporary: Path | None = None
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self.file.parent, delete=False, encoding="utf-8") as written:
                temporary = Path(written.name)
                json.dump(content, written, indent=2)
            temporary.chmod(0o644)
            temporary.replace(self.file)
        except OSError:
            if temporary:
                with suppress(OSError):
                    temporary.unlink()

    def replaced(self, *, empty: bool) -> LedgerReplaced:
        since = self._entry().get("since")
        what = "is empty or does not exist" if empty else "is another one"
        return LedgerReplaced(
            f"{self.where} {what}, but Airflow has used one at this address since {since}: it was lost or replaced, "
            "and what it knew to be delivered would be sent again. Restore it from a backup; or accept that, and run "
            "`airflow-integrations ledger begin-again`"
        )

    @property
    def _address(self) -> str:
        """Without user and password. A hash, because libpq's options may hold anything."""
        parts = (self.url.host, self.url.port or 5432, self.url.database, self.url.query.get("options"))
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    def _entry(self) -> dict[str, Any]:
        entry = self._read().get(self._address)
        return entry if isinstance(entry, dict) else {}

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}


def _today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")

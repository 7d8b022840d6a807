"""What a file holds, written beside it before it appears: whatever is killed then, the next attempt knows.

A receipt stands in the folder of what is not complete. It is *open* until the results of its file are on disk here.
"""

from __future__ import annotations

from typing import Any

import msgspec

from airflow_integrations.entity import content_hash
from airflow_integrations.files.writing import FileWriter

__all__ = ["Receipt", "Receipts"]

KEPT = 30 * 86400.0
"""Seconds after which an open receipt no longer counts: the run that it is of has long been settled."""


class Receipt(msgspec.Struct, kw_only=True):
    """One file of one run."""

    run: str
    """Hash of the run's id."""
    number: int
    """Of the file among those of the run, from 1."""
    path: str
    """Its final name."""
    aside: str
    """Where it is until it appears; empty where it is written under its name at once."""
    size: int
    sha256: str
    at: float
    """When it was written, in seconds since 1970."""
    keys: list[str] = []
    """The idempotency keys of its entities; none once it is closed."""


_decode = msgspec.json.Decoder(Receipt).decode


class Receipts:
    """Of one run of a route, in ``folder``. Its methods block, and raise OutageError."""

    def __init__(self, writer: FileWriter, folder: str, run_id: str) -> None:
        self._writer, self._folder = writer, folder
        self.run = content_hash(run_id.encode())[:16]
        self.own: list[Receipt] = []
        """The run's own, in their order."""

    def load(self, now: float) -> list[Receipt]:
        """All that are open, and the run's own into :attr:`own`. Those that are too old are removed."""
        found, own = [], {}
        for path, modified in self._writer.names(self._folder):
            name = path.rpartition("/")[2]
            if modified is not None and modified < now - KEPT:
                self._writer.remove(path)
                continue
            if not name.endswith((".open.json", ".closed.json")):
                continue
            mine = name.startswith(f"{self.run}-")
            if not mine and name.endswith(".closed.json"):
                continue
            receipt = self._read(path)
            if receipt is None:
                continue
            if mine:
                own[receipt.number] = receipt
            if name.endswith(".open.json"):
                found.append(receipt)
        self.own = [own[number] for number in sorted(own)]
        return found

    def _read(self, path: str) -> Receipt | None:
        """None for one that was not written to its end: its file has not appeared."""
        content = self._writer.read(path)
        try:
            return None if content is None else _decode(content)
        except msgspec.MsgspecError:
            return None

    def write(self, receipt: Receipt) -> None:
        """On the place's disk when this returns."""
        self._writer.write(self._path(receipt, "open"), msgspec.json.encode(receipt))
        self.own.append(receipt)

    def drop(self, receipt: Receipt) -> None:
        """Its file has not appeared, and will not."""
        self._writer.remove(self._path(receipt, "open"))
        self.own = [each for each in self.own if (each.run, each.number) != (receipt.run, receipt.number)]

    def close(self, receipt: Receipt) -> None:
        """The results of its file are on disk: only its name is still of interest, to this run."""
        closed: Any = msgspec.structs.replace(receipt, keys=[])
        self._writer.write(self._path(receipt, "closed"), msgspec.json.encode(closed))
        self._writer.remove(self._path(receipt, "open"))

    def _path(self, receipt: Receipt, state: str) -> str:
        return f"{self._folder}/{receipt.run}-{receipt.number:06d}.{state}.json"

"""What files hold, written beside them before they appear: whatever is killed then, the next attempt knows.

A receipt stands in the folder of what is not complete, for one file or for several that are written together. It is
*open* until the results of its files are on disk here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from airflow_integrations.entity import content_hash
from airflow_integrations.files.writing import FileWriter

__all__ = ["Receipt", "Receipts"]

KEPT = 30 * 86400.0
"""Seconds after which an open receipt no longer counts: the run that it is of has long been settled."""
DROPPED = ".dropped"
"""Ending of what was aside and will not appear."""


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
    entity: str = ""
    """Hash of the entity's key, for a file of one entity."""


_decode: Any = msgspec.json.Decoder(Receipt | list[Receipt]).decode


class Receipts:
    """Of one run of a route, in ``folder``. Its methods block, and raise OutageError."""

    def __init__(self, writer: FileWriter, folder: str, run_id: str) -> None:
        self._writer, self._folder = writer, folder
        self.run = content_hash(run_id.encode())[:16]
        self.own: dict[str, str] = {}
        """Paths of the run's files, as the writer's ``same`` has them, with the hash of the key of the entity that each
        belongs to, or nothing."""
        self._numbers: set[int] = set()

    @property
    def next_number(self) -> int:
        """Of the next file among those of the run."""
        return max(self._numbers, default=0) + 1

    def load(self, now: float) -> list[list[Receipt]]:
        """All that are open, and the run's own into :attr:`own`. Those that are too old are removed."""
        found, left = [], []
        for path, modified in self._writer.names(self._folder):
            name = path.rpartition("/")[2]
            # what was dropped outlives the receipt that names it: without it, it would seem to have appeared
            if modified is not None and modified < now - KEPT - (86400 if name.endswith(DROPPED) else 0):
                self._writer.remove(path)
                continue
            mine = name.startswith(f"{self.run}-")
            if mine and name.endswith(DROPPED):
                left.append(path)
            if not name.endswith((".open.json", ".closed.json")):
                continue
            if not mine and name.endswith(".closed.json"):
                continue
            group = self._read(path)
            if mine:
                self._note(group)
            if name.endswith(".open.json") and group:
                found.append(group)
        of_receipts = {receipt.aside + DROPPED for group in found for receipt in group}
        for path in left:  # somebody died before he removed it: it would tell of the next file with this number
            if path not in of_receipts:
                self._writer.remove(path)
        return found

    def _read(self, path: str) -> list[Receipt]:
        """None in one that was not written to its end: its files have not appeared."""
        content = self._writer.read(path)
        try:
            told = [] if content is None else _decode(content)
        except msgspec.MsgspecError:
            return []
        return [told] if isinstance(told, Receipt) else told

    def _note(self, group: Sequence[Receipt]) -> None:
        self.own.update((self._writer.same(receipt.path), receipt.entity) for receipt in group)
        self._numbers.update(receipt.number for receipt in group)

    def write(self, group: Sequence[Receipt]) -> None:
        """On the place's disk when this returns."""
        self._writer.write(self._path(group, "open"), msgspec.json.encode(group))
        self._note(group)

    def drop(self, group: Sequence[Receipt]) -> None:
        """None of its files has appeared, and none will."""
        self._writer.remove(self._path(group, "open"))
        if group[0].run == self.run:
            self._numbers.difference_update(receipt.number for receipt in group)

    def disown(self, receipt: Receipt) -> None:
        """This file has not appeared, and will not."""
        if receipt.run == self.run:
            self.own.pop(self._writer.same(receipt.path), None)

    def close(self, group: Sequence[Receipt]) -> None:
        """The results of its files are on disk: only their names are still of interest, to this run."""
        closed: Any = [msgspec.structs.replace(receipt, keys=[]) for receipt in group]
        self._writer.write(self._path(group, "closed"), msgspec.json.encode(closed))
        self._writer.remove(self._path(group, "open"))

    def _path(self, group: Sequence[Receipt], state: str) -> str:
        return f"{self._folder}/{group[0].run}-{group[0].number:06d}.{state}.json"

"""What earlier attempts and runs had written, and died before they knew it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from airflow_integrations.files.writing import FileWriter
from airflow_integrations.outgoing.files.receipts import DROPPED, Receipt, Receipts

__all__ = ["appeared"]

DEAD = 3600.0
"""Seconds after which a run that was about to rename a file surely no longer does."""
_State = Literal["appeared", "dropped", "may appear"]


def appeared(writer: FileWriter, receipts: Receipts, now: float) -> Iterator[Receipt]:
    """The files that stand, or stood, under their names, and whose results may not be on disk. The others cannot appear
    any more, but for those that another run may be about to rename. Blocks, and raises OutageError."""
    for group in receipts.load(now):
        states = [_state(receipt, receipts.run, writer, now) for receipt in group]
        gone = [receipt for receipt, state in zip(group, states, strict=True) if state == "dropped"]
        for receipt in gone:
            receipts.disown(receipt)
        if len(gone) == len(group):
            receipts.drop(group)
            for receipt in gone:  # as long as the receipt is there, each tells that its file has not appeared
                if receipt.aside:
                    writer.remove(receipt.aside + DROPPED)
        yield from (receipt for receipt, state in zip(group, states, strict=True) if state == "appeared")


def _state(receipt: Receipt, run: str, writer: FileWriter, now: float) -> _State:
    dead = receipt.run == run or receipt.at < now - DEAD
    if not receipt.aside:
        if writer.size(receipt.path) == receipt.size:
            return "appeared"
        return "dropped" if dead else "may appear"
    dropped = receipt.aside + DROPPED
    if writer.size(dropped) is not None:
        return "dropped"
    if not dead:
        return "appeared" if writer.size(receipt.aside) is None else "may appear"
    return "dropped" if writer.rename(receipt.aside, dropped) else "appeared"

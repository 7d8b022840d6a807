"""The files of a run that one task lists and others read: what the plan says of them, and whether it still holds."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import astuple, replace
from typing import Any

from airflow_integrations.errors import AnswerError, OutageError
from airflow_integrations.files.store import FileStore, Found
from airflow_integrations.incoming.files.choice import Chosen
from airflow_integrations.incoming.files.options import FilesIncomingConfig
from airflow_integrations.plurals import counted
from airflow_integrations.route.incremental import MOST
from airflow_integrations.run import Run

__all__ = ["PlannedFiles", "files_of", "parts_of"]


def parts_of(files: Sequence[Chosen], size: int) -> list[tuple[str, Any]]:
    """Parts that follow each other in the order of the files, each with a name; at most a thousand."""
    size = max(size, -(-len(files) // MOST))
    return [
        (_named(part), [[*astuple(each.file), each.order, each.undated] for each in part])
        for first in range(0, len(files), size)
        if (part := files[first : first + size])
    ]


def files_of(part: Any) -> list[Chosen]:
    """Those of one part, as the plan has staged it."""
    return [
        Chosen(Found(path, mark, tuple(age), size, modified, fault), tuple(order), undated)
        for path, mark, age, size, modified, fault, order, undated in part
    ]


def _named(files: Sequence[Chosen]) -> str:
    first = files[0].file.path.rpartition("/")[2]
    return first if len(files) == 1 else f"{counted(len(files), 'file')} from {first} on"


class PlannedFiles:
    """Asked before each file is read. Blocks."""

    def __init__(self, config: FilesIncomingConfig, run: Run, store: FileStore, log: logging.Logger) -> None:
        self._pattern, self._store, self._log = config.path, store, log
        asked = run.explicit or run.kind == "backfill" or run.keys is not None
        of_interval = config.since is not None and run.route.window.mode == "interval"
        self._comes_again = not (asked or of_interval)
        """Whether the next run reads a file that has changed, whenever that was."""

    def now(self, chosen: Chosen, passed: int, *, begun: bool) -> Chosen | None:
        """The file as it is to be read, of which so many records are staged; None where it is gone, or has become
        another one that the next run reads: here it would come before files that are older than it.

        Raises AnswerError where the plan does not hold, and OutageError where there are no files at all.
        """
        planned = chosen.file
        if planned.fault or chosen.undated:
            return chosen
        found = self._store.find(planned.path)
        if found is None:
            self._require_any(planned)
            self._log.warning(
                "%s was taken away before all of it was read: %d records of it were", planned.path, passed
            )
            return None
        if found.mark == planned.mark:
            return replace(chosen, file=found)
        if begun:
            raise AnswerError(f"{planned.path} has changed since a part of it was read")
        if self._comes_again:
            self._log.warning("%s has changed since the fetch was planned: the next run reads it", planned.path)
            return None
        raise AnswerError(
            f"{planned.path} has changed since the fetch was planned, and no other run would read it: clear the task "
            "fetch of this run, with Downstream; it plans again, and nothing that was delivered is sent again"
        )

    def _require_any(self, planned: Found) -> None:
        """A worker that does not see the folder would take all files for gone."""
        if not self._store.list():
            raise OutageError(
                f"{planned.path} is not here, and nothing else that {self._pattern} names: every worker that fetches "
                "has to see the same folder. If all files were taken away, clear the task fetch of this run, with "
                "Downstream"
            )

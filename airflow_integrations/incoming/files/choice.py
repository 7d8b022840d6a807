"""Which of the files a run reads, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from airflow_integrations.files.store import FileStore, Found
from airflow_integrations.incoming.files.name_dates import NamePattern
from airflow_integrations.incoming.files.options import FilesIncomingConfig, NameDate
from airflow_integrations.plurals import counted, plural
from airflow_integrations.run import Run, Services

__all__ = ["Chosen", "FileChoice"]

AGE = 10.0
"""Seconds that a file is left alone after its last change, where the route says nothing."""
_LAST = 1e12
"""Behind all times."""
WAIT = 60.0
"""A run waits this long at most for files that are not complete yet."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A file that a run reads."""

    file: Found
    order: tuple[float, str]
    """Files are read in this order."""
    undated: bool = False
    """Its name has no date where the route looks for one: it is not read, and told of once."""


class FileChoice:
    """Of one fetch. Its methods block."""

    def __init__(self, config: FilesIncomingConfig, run: Run, services: Services, store: FileStore) -> None:
        self._config, self._run, self._services, self._store = config, run, services, store
        since = config.since
        self._pattern = NamePattern(since.name, since.time_zone) if isinstance(since, NameDate) else None
        self._anew = run.explicit or run.kind == "backfill" or run.keys is not None
        """It was asked for a part of the past: what was read before is read again."""
        self._age = config.settled.age.total_seconds() if config.settled.age is not None else self._usual_age()
        self.done: list[tuple[Found, bool]] = []
        """Files that are there and were read before, each with whether it was intact."""
        self._listed = 0
        self._unsettled: list[Found] = []

    def _usual_age(self) -> float:
        return 0.0 if self._store.whole or self._config.settled.marker is not None else AGE

    @property
    def wait(self) -> float:
        """Seconds after which another look is worth it, because files were changed a moment ago; 0: it is not."""
        untimed = any(file.modified is None for file in self._unsettled)
        if not self._unsettled or self._config.settled.marker is not None:
            return 0.0
        return self._age if untimed or self._age <= WAIT else 0.0

    def look(self, before: Sequence[Found] = ()) -> list[Chosen]:
        """Those to be read, in their order. ``before``: what an earlier look found unsettled; of them, what has not
        changed since is settled. Raises OutageError."""
        self._store.require_folder()
        listed = self._store.list()
        markers = self._markers()
        if markers is not None:  # where the pattern names them, too
            ending = self._config.settled.marker or ""
            marks = {self._config.settled.marker_of(file.path) for file in listed}
            lone = ending if ending.startswith(".") else "\0"
            listed = [file for file in listed if file.path not in marks and not file.path.endswith(lone)]
        self._listed = len(listed)
        known = self._known(listed)
        self.done = [(file, known[file.mark]) for file in listed if file.mark in known]
        fresh = [file for file in listed if self._anew or file.mark not in known]
        chosen = [each for each in map(self._chosen, fresh) if each is not None]
        same = {file.mark for file in before}
        settled = [each for each in chosen if self._settled(each.file, markers, same)]
        kept = {each.file.mark for each in settled}
        self._unsettled = [each.file for each in chosen if each.file.mark not in kept]
        return sorted(settled, key=lambda each: each.order)

    @property
    def unsettled(self) -> list[Found]:
        """Files that the last look left out because they may not be complete."""
        return self._unsettled

    def why_none(self) -> str:
        """What to say where nothing is read: whether the path is wrong, or all of it was read before."""
        if not self._listed:
            return f"no file matches {self._config.path}"
        before = len(self.done)
        others = [f"{before} read before" if before else "", f"{self._listed - before} outside of the run's time"]
        told = ", ".join(part for part in others if part and not part.startswith("0 "))
        return f"{counted(self._listed, 'file')} {plural(self._listed, 'matches', 'match')} {self._config.path}: {told}"

    def _known(self, listed: Sequence[Found]) -> Mapping[str, bool]:
        if self._config.again:
            return {}
        from airflow_integrations.ledger.runs.source_pieces import known_pieces  # with SQLAlchemy; `list` needs none

        run = self._run
        return known_pieces(self._services.ledger, run.route.route, run.run_id, [file.mark for file in listed])

    def _chosen(self, file: Found) -> Chosen | None:
        """None for a file that is not of the run's time."""
        moment = file.modified
        if self._pattern is not None:
            moment = self._pattern.moment(file.path.rpartition("/")[2])
            if moment is None:
                return None if self._anew else Chosen(file, (_LAST, file.path), undated=True)
        if not self._is_of_time(moment):
            return None
        return Chosen(file, (0.0 if self._config.order == "name" else moment or 0.0, file.path))

    def _is_of_time(self, moment: float | None) -> bool:
        run = self._run
        by_time = self._config.since is not None or run.explicit or run.kind == "backfill"
        if moment is None or not by_time:
            return True
        return self._start <= moment < run.window.end.timestamp()

    @property
    def _start(self) -> float:
        """A file that comes late is older than the window, and was not read: it is taken as long as it is not older
        than the route's first window."""
        run = self._run
        start = run.window.start
        if not self._anew and run.route.window.mode != "interval":
            from airflow_integrations.ledger.runs.fetch_queries import first_window

            first: datetime | None = first_window(self._services.ledger, run.route.route)
            start = min(start, first or start)
        return start.timestamp()

    def _markers(self) -> Callable[[Found], bool] | None:
        settled = self._config.settled
        if settled.marker is None:
            return None

        def complete(file: Found) -> bool:
            path = settled.marker_of(file.path)
            assert path is not None
            marker = self._store.find(path)
            if marker is None:
                return False
            return marker.modified is None or file.modified is None or marker.modified >= file.modified

        return complete

    def _settled(self, file: Found, complete: Callable[[Found], bool] | None, same: set[str]) -> bool:
        if complete is not None and not complete(file):
            return False
        if not self._age or file.mark in same:
            return True
        return file.modified is not None and self._services.now() - file.modified >= self._age

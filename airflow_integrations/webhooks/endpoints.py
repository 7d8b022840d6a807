"""The addresses that the files in the routes folder declare, read again when one of them has changed."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from airflow_integrations.errors import OutageError
from airflow_integrations.route.definition import Route
from airflow_integrations.route.webhooks.paths import by_path, clashes
from airflow_integrations.route.webhooks.trigger import WebhookOptions
from airflow_integrations.route_files.load import RouteFiles, read_routes
from airflow_integrations.webhooks.verification import proving_headers

__all__ = ["Address", "Addresses", "EndpointTable"]

CHECK_SECONDS = 3.0
"""Between two looks at the files."""
STALE_SECONDS = 10.0
"""After which nobody goes on with what was known."""

log = logging.getLogger("airflow_integrations")


class Address:
    """One path, and the routes that get what is sent there. What they say of the sender is the same."""

    def __init__(self, sharing: list[tuple[Route, WebhookOptions]]) -> None:
        self.options = sharing[0][1]
        self.routes = tuple(sharing)
        self.proof = self.options.verify.proof
        self.proving = proving_headers(self.proof)


class Addresses:
    """All of them, at one moment."""

    def __init__(self, routes: Mapping[str, Route] | None = None) -> None:
        self.routes = dict(routes or {})
        """Every route, with an address or without."""
        self._by_path: dict[str, Address] = {}
        for path, sharing in by_path(self.routes.values()).items():
            if differing := list(clashes(sharing)):
                log.warning("webhook %s is not served: %s", path, differing[0][2])
            else:
                self._by_path[path] = Address(sharing)
        self.largest = max((a.options.max_size for a in self._by_path.values()), default=1_000_000)
        """Bytes that are read of any request before its sender is known: so no path is told from another by it."""

    def find(self, path: str) -> Address | None:
        return self._by_path.get(path)


class EndpointTable:
    """Keeps :class:`Addresses` up to date. Thread-safe; :meth:`current` may read files and belongs into a thread.

    A file that is broken while somebody edits it takes no address away: the last one that was right goes on.

    :param folders: The routes folder, or what tells the folders that there are now. Of two routes with one name the
        first counts. It may raise OutageError.
    """

    def __init__(
        self, folders: Path | Callable[[], Sequence[Path]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folders = (lambda: (folders,)) if isinstance(folders, Path) else folders
        self._clock = clock
        self._reading = threading.Lock()
        self._checked = float("-inf")
        self._seen: Any = None
        self.latest: Addresses | None = None
        """None: they were never read."""

    @property
    def fresh(self) -> bool:
        """Whether :meth:`current` would look at no file."""
        return self.latest is not None and self._clock() - self._checked < CHECK_SECONDS

    @property
    def usable(self) -> bool:
        """Whether :attr:`latest` is new enough to go on with while somebody looks."""
        return self.latest is not None and self._clock() - self._checked < STALE_SECONDS

    def current(self) -> Addresses:
        """Raises OutageError where a folder cannot be read."""
        with self._reading:
            if not self.fresh:
                self._look()
            assert self.latest is not None  # _look
            return self.latest

    def _look(self) -> None:
        folders = self._folders()
        try:
            seen = _traces(folders)
            if self.latest is None or seen != self._seen:
                before = self.latest.routes if self.latest else {}
                self.latest = Addresses(_kept(before, [read_routes(folder) for folder in folders]))
                self._seen = seen
        except OSError as error:
            places = " and ".join(map(str, folders))
            raise OutageError(f"the routes in {places} cannot be read: {error.strerror}") from error
        self._checked = self._clock()


def _kept(before: Mapping[str, Route], folders: Sequence[RouteFiles]) -> dict[str, Route]:
    now = {name: loaded.route for found in reversed(folders) for name, loaded in found.routes.items()}
    return {name: route for name, route in before.items() if any(found.may_hold(name) for found in folders)} | now


def _traces(folders: Sequence[Path]) -> list[tuple[str, int, int]]:
    """What tells that some file has changed."""
    traces = []
    for place, _, names in chain.from_iterable(os.walk(folder, followlinks=True) for folder in folders):
        for name in names:
            path = os.path.join(place, name)  # noqa: PTH118 - hundreds of files, every few seconds
            try:
                found = os.stat(path)  # noqa: PTH116
            except OSError:  # gone since
                continue
            traces.append((path, found.st_mtime_ns, found.st_size))
    return sorted(traces)

"""The folders of route files in Airflow's DAG bundles, for processes that Airflow gives no files: the API server and
commands. DAG processor and tasks have theirs beside the loader file.

A bundle that comes from elsewhere, such as a git repository, is fetched into a copy of its own, for the DAG processor's
is changed only by the DAG processor.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from airflow_integrations.airflow.config import settings
from airflow_integrations.errors import OutageError

__all__ = ["BundledRoutes", "same_in_every_version"]

COPY = ".integrations"
"""How the name of the copy ends, beside the name of its bundle."""
PLACES = ("routes", "dags/routes")
"""Of the routes in a bundle. The loader file is beside them."""
OVERDUE_SECONDS = 5.0
"""That somebody waits for a refresh which is long due. Without one, what was fetched last goes on."""

log = logging.getLogger("airflow_integrations")


class BundledRoutes:
    """Where route files are. Thread-safe; it may read from the network and belongs into a thread.

    :param own: Of a task: the folder beside its loader file, which counts for the bundle that it is in. Elsewhere, in
        the API server and in commands, None.
    """

    def __init__(self, own: Path | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._own = own
        self._clock = clock
        self._looking = threading.Lock()
        self._bundles: dict[str, _Fetched] | None = None

    def folders(self) -> Sequence[Path]:
        """``[integrations] routes`` alone where it is set, else the folder ``routes`` of each bundle that has one.

        Raises OutageError where a bundle cannot be fetched that was never there.
        """
        if (configured := settings.configured_routes()) is not None:
            return (configured,)
        with self._looking:
            if self._bundles is None:
                if self._own is None:
                    _see_connections()
                known = _bundle_of(self._own)
                self._bundles = {
                    name: _Fetched(name, make, self._clock) for name, make in _configured().items() if name != known
                }
            bundles = list(self._bundles.values())
        roots = [bundle.root() for bundle in bundles]
        found = [folder for root in roots if (folder := _routes_in(root)) is not None]
        if self._own is not None:
            return [self._own, *(folder for folder in found if folder.resolve() != self._own.resolve())]
        return found or [settings.routes_folder()]


class _Fetched:
    """The copy of one bundle."""

    def __init__(self, name: str, make: Callable[[str], Any], clock: Callable[[], float]) -> None:
        self._name = name
        self._make = make
        self._clock = clock
        self._fetching = threading.Lock()
        self._bundle: Any = None
        self._fetched = float("-inf")

    def root(self) -> Path:
        if self._bundle is None:
            with self._fetching:
                if self._bundle is None:
                    self._begin()
        elif (age := self._clock() - self._fetched) >= self._bundle.refresh_interval:
            refreshing = threading.Thread(target=self._refresh, name=f"routes of {self._name}", daemon=True)
            refreshing.start()
            if age >= 2 * self._bundle.refresh_interval:
                refreshing.join(OVERDUE_SECONDS)
        return Path(self._bundle.path)

    def _begin(self) -> None:
        try:
            bundle = self._make(f"{self._name}{COPY}")
            bundle.initialize()  # also refreshes
        except Exception as error:
            raise OutageError(f"the DAG bundle {self._name} cannot be fetched: {_told(error)}") from None
        self._bundle, self._fetched = bundle, self._clock()

    def _refresh(self) -> None:
        if not self._fetching.acquire(blocking=False):
            return
        try:
            self._bundle.refresh()
            self._fetched = self._clock()
        except Exception as error:
            log.warning(
                "the DAG bundle %s cannot be refreshed, its routes stay as they were: %s", self._name, _told(error)
            )
        finally:
            self._fetching.release()


def same_in_every_version(path: Path) -> str:
    """A file's path, the same for every version of its bundle and for the DAG processor's copy."""
    path = path.resolve()
    name, *inside = _in_storage(path) or ("",)
    if inside[:1] == ["versions"]:
        return "/".join(("bundle", name, *inside[2:]))
    return "/".join(("bundle", name, *inside[1:])) if inside[:1] == ["tracking_repo"] else str(path)


def _see_connections() -> None:
    """A bundle's Connection may be in the metadata database."""
    from airflow_integrations.airflow.config.connections import AirflowConnections

    AirflowConnections.for_command_line()


def _in_storage(path: Path) -> tuple[str, ...]:
    """The name of the bundle that a path is in, and the path in the bundle's storage. Empty: it is in none."""
    from airflow.dag_processing.bundles.base import get_bundle_storage_root_path

    path = path.resolve()
    storage = Path(get_bundle_storage_root_path()).resolve()  # type: ignore[no-untyped-call]
    return path.relative_to(storage).parts if path.is_relative_to(storage) else ()


def _bundle_of(folder: Path | None) -> str | None:
    inside = _in_storage(folder) if folder is not None else ()
    return inside[0] if inside else None


def _configured() -> dict[str, Callable[[str], Any]]:
    """By name, what makes each configured bundle under another name."""
    from airflow.sdk.configuration import conf

    def maker(written: dict[str, Any]) -> Callable[[str], Any]:
        module, _, called = str(written["classpath"]).rpartition(".")
        return lambda name: getattr(import_module(module), called)(name=name, **(written.get("kwargs") or {}))

    return {str(each["name"]): maker(each) for each in conf.getjson("dag_processor", "dag_bundle_config_list") or ()}


def _routes_in(root: Path) -> Path | None:
    return next((folder for place in PLACES if (folder := root / place).is_dir()), None)


def _told(error: Exception) -> str:
    """What went wrong, without the secrets that an address may hold."""
    cause = error.__cause__ or error
    text = re.sub(r"://[^/@\s]+@", "://***@", str(getattr(cause, "stderr", None) or cause or error)).strip()
    return f"{text or type(error).__name__}; the log of the DAG processor says whether it can"

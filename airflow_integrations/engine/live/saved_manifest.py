"""A live run's manifest as it is on disk."""

from __future__ import annotations

import msgspec

from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest, SegmentRef

__all__ = ["SavedManifest"]


class SavedManifest:
    """``manifest`` is the one that the run goes on changing, and its lists are those that the writers add to."""

    def __init__(self, staging: Staging, manifest: Manifest) -> None:
        self._staging, self._manifest = staging, manifest
        self._events = self._staged_events = self._problems = 0
        self._carried: list[SegmentRef] = []

    def where_problems_lie(self, segments: list[SegmentRef]) -> None:
        """Name new segments of problems, before the ledger names places in them; nothing yet of the events that they
        came of, nor of other segments that were written since: should the run die in between, they wait again. Nothing
        where there are no new ones."""
        if len(segments) > self._problems:
            manifest = self._manifest
            staged = manifest.staged_events[: self._staged_events] if manifest.staged_events else None
            told = {"problems": segments, "carried": self._carried, "events": self._events, "staged_events": staged}
            self._staging.save(msgspec.structs.replace(manifest, **told))

    def whole(self) -> None:
        """Save all that the manifest says now."""
        manifest = self._manifest
        self._staging.save(manifest)
        self._events, self._problems, self._carried = manifest.events, len(manifest.problems), list(manifest.carried)
        self._staged_events = len(manifest.staged_events or ())

"""A live run's manifest as it is on disk."""

from __future__ import annotations

import msgspec

from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest, SegmentRef

__all__ = ["SavedManifest"]


class SavedManifest:
    """``manifest`` is the one that the run goes on changing."""

    def __init__(self, staging: Staging, manifest: Manifest) -> None:
        self._staging, self._manifest = staging, manifest
        self._events = self._staged_events = self._problems = 0

    def where_problems_lie(self, segments: list[SegmentRef]) -> None:
        """Name new segments of problems, before the ledger names places in them; nothing yet of the events that they
        came of: should the run die in between, these wait again. Nothing where there are no new ones."""
        if len(segments) > self._problems:
            manifest = self._manifest
            staged = manifest.staged_events[: self._staged_events] if manifest.staged_events else None
            self._staging.save(
                msgspec.structs.replace(manifest, problems=segments, events=self._events, staged_events=staged)
            )

    def whole(self) -> None:
        """Save all that the manifest says now."""
        manifest = self._manifest
        self._staging.save(manifest)
        self._events, self._problems = manifest.events, len(manifest.problems)
        self._staged_events = len(manifest.staged_events or ())

"""Where problems lie is on disk before the ledger names their places, and the events that they came of are not."""

from __future__ import annotations

from pathlib import Path

from airflow_integrations.engine.live.saved_manifest import SavedManifest
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest, SegmentRef


def test_problems_are_named_before_the_events_that_they_came_of(tmp_path: Path) -> None:
    """Found by the simulator, seed 22000038318: a consumer died between its word to the ledger and its manifest."""
    staging = Staging(tmp_path, "orders", "live-1")
    window = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
    manifest = Manifest(route="orders", run_id="live-1", stage="fetch", route_hash="h", window=window)
    manifest.staged_events = []
    saved = SavedManifest(staging, manifest)
    manifest.events, manifest.staged_events = 1, [7]
    saved.whole()
    manifest.events, manifest.staged_events = 3, [7, 8, 9]
    segments = [SegmentRef("problems-fetch-live-00000.jsonl.zst", 2, 20)]
    saved.where_problems_lie(segments)
    there = staging.manifest("fetch")
    assert there is not None
    assert (there.problems, there.events, there.staged_events) == (segments, 1, [7])
    manifest.problems = segments
    saved.whole()
    saved.where_problems_lie(segments)
    there = staging.manifest("fetch")
    assert there is not None
    assert (there.problems, there.events, there.staged_events) == (segments, 3, [7, 8, 9])


def test_a_segment_that_was_written_since_is_not_named_with_problems(tmp_path: Path) -> None:
    """Found by the simulator, seed 201750101338: books of a dead consumer had what it sent and not that it came."""
    staging = Staging(tmp_path, "orders", "live-1")
    window = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
    manifest = Manifest(route="orders", run_id="live-1", stage="fetch", route_hash="h", window=window)
    first, second = (SegmentRef(f"carried-live-0000{number}.jsonl.zst", 1, 10) for number in range(2))
    manifest.carried, manifest.counts = [first], {"fetched": 1}
    saved = SavedManifest(staging, manifest)
    saved.whole()
    manifest.carried.append(second)  # as its writer does
    saved.where_problems_lie([SegmentRef("problems-fetch-live-00000.jsonl.zst", 1, 10)])
    there = staging.manifest("fetch")
    assert there is not None
    assert (there.carried, there.counts) == ([first], {"fetched": 1})

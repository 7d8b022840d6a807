from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_integrations.errors import RunError
from airflow_integrations.staging.compression import compress
from airflow_integrations.staging.folder import DamagedManifest, Staging
from airflow_integrations.staging.manifest import Manifest, SegmentRef
from airflow_integrations.staging.segment_writer import SegmentWriter


def manifest(**values: object) -> Manifest:
    defaults = {
        "route": "orders",
        "run_id": "r",
        "stage": "fetch",
        "route_hash": "h",
        "window": ("a", "b"),
        "complete": True,
    }
    return Manifest(**{**defaults, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize("base", ["{tmp}", "file://{tmp}", "memory://{name}"])
def test_segments_and_manifests_come_back_from_every_kind_of_place(base: str, tmp_path: Path) -> None:
    staging = Staging(base.format(tmp=tmp_path, name=tmp_path.name), "orders", "scheduled__2026-01-01T00:00:00+00:00")
    writer = SegmentWriter(staging, "fetch")
    writer.add(b'["1"]')
    writer.close_segment()
    staging.save(manifest(segments=writer.segments, entities=1))
    found = staging.completed("fetch", route_hash="h")
    assert b"".join(staging.blocks(found.segments)) == b'["1"]'
    staging.clean()
    assert staging.manifest("fetch") is None


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(min_value=1, max_value=400_000), max_size=12))
def test_blocks_give_every_line_once_and_whole(sizes: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    staging = Staging(tmp_path_factory.mktemp("s"), "r", "r")
    writer = SegmentWriter(staging, "fetch")
    lines = [bytes([65 + n % 26]) * size for n, size in enumerate(sizes)]
    for line in lines:
        writer.add(line)
        if writer.full:
            writer.close_segment()
    writer.close_segment()
    read = [line for block in staging.blocks(writer.segments) for line in block.split(b"\n") if line]
    assert read == lines
    assert sum(segment.entities for segment in writer.segments) == len(lines)


def test_an_unfinished_or_other_manifest_is_refused_with_the_remedy(tmp_path: Path) -> None:
    staging = Staging(tmp_path, "orders", "r")
    with pytest.raises(RunError, match="clear the run from fetch"):
        staging.completed("fetch", route_hash="h")
    staging.save(manifest(complete=False))
    with pytest.raises(RunError, match="no finished manifest"):
        staging.completed("fetch", route_hash="h")
    staging.save(manifest())
    with pytest.raises(RunError, match="what the route does with data changed"):
        staging.completed("fetch", route_hash="other")


def test_a_damaged_manifest_or_segment_is_told(tmp_path: Path) -> None:
    staging = Staging(tmp_path, "orders", "r")
    staging.write("fetch.json", b'{"route": 1')
    with pytest.raises(DamagedManifest, match="start another run of the same window"):
        staging.manifest("fetch")
    with pytest.raises(RunError, match="is gone"):
        list(staging.blocks([SegmentRef("fetch-00000.jsonl.zst", 1, 1)]))


def test_the_copy_of_a_manifest_counts_where_it_is_damaged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    staging = Staging(tmp_path, "orders", "r")
    saved = manifest()
    staging.save(saved)
    staging.write("fetch.json", b"")
    assert staging.manifest("fetch") == saved
    assert "its copy is used" in caplog.text
    staging.remove("fetch.json")
    assert staging.manifest("fetch") == saved
    staging.write("fetch.json.copy", b"{")
    assert staging.manifest("fetch") is None
    staging.save(saved)
    staging.write("fetch.json.copy", b"{")
    assert staging.manifest("fetch") == saved
    staging.clear("fetch")
    assert not any(staging.folder.iterdir())


@pytest.mark.parametrize(
    "run_id", ["../../etc", "a/b", "manual__2026-01-01T00:00:00+00:00", "x" * 400, "..", "ünïcode ⚠"]
)
def test_no_run_id_leaves_the_staging_folder(run_id: str, tmp_path: Path) -> None:
    staging = Staging(tmp_path, "orders", run_id)
    staging.write("fetch.json", b"{}")
    assert (tmp_path / "orders").resolve() == staging.folder.resolve().parent
    others = Staging(tmp_path, "orders", run_id + "x")
    assert others.folder != staging.folder


def test_clearing_a_stage_leaves_the_others(tmp_path: Path) -> None:
    staging = Staging(tmp_path, "orders", "r")
    for name in (
        "fetch.json",
        "fetch-00000.jsonl.zst",
        "problems-fetch-00000.jsonl.zst",
        "transform.json",
        "push.journal",
        "push-000001.journal",
    ):
        staging.write(name, b"{}")
    staging.clear("transform", "push")
    assert sorted(path.name for path in staging.folder.iterdir()) == [
        "fetch-00000.jsonl.zst",
        "fetch.json",
        "problems-fetch-00000.jsonl.zst",
    ]


@pytest.mark.parametrize("theirs", [[b'["1"]'], [b'["1"]', b'["2"]', b'["3"]', b'["4"]'], []])
def test_a_segment_that_another_process_has_written_since_is_told(tmp_path: Path, theirs: list[bytes]) -> None:
    """An attempt that Airflow has given up may be at work for a moment more, beside the one that follows it."""
    staging = Staging(tmp_path, "orders", "run-1")
    ours, other = SegmentWriter(staging, "fetch"), SegmentWriter(staging, "fetch")
    for line in (b'["1"]', b'["2"]', b'["3"]'):
        ours.add(line)
    ours.close_segment()
    assert b"\n".join(staging.blocks(ours.segments)) == b'["1"]\n["2"]\n["3"]'
    for line in theirs:
        other.add(line)
    other.close_segment()
    if not theirs:
        staging.write("fetch-00000.jsonl.zst", compress(b""))
    with pytest.raises(RunError, match="another process has written it since"):
        list(staging.blocks(ours.segments))

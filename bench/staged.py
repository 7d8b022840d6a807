"""What runs leave in staging, for the pages that show payloads: segments of fetch and transform, and kept exchanges."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import msgspec

from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest, StagingStage
from airflow_integrations.staging.segment_writer import SegmentWriter
from bench.orders import PAGE, page_template

__all__ = ["stage_run"]


def stage_run(base: Path, route: str, run_id: str, keys: list[str], *, without_source: Collection[str] = ()) -> Staging:
    """A run that fetched an order of 1 KB for each key, but for those that others were split into, and refused the last
    500 of them."""
    staging = Staging(base, route, run_id)
    orders = [json.dumps(order).encode() for order in json.loads(page_template())]
    for stage in ("fetch", "transform"):
        missing = without_source if stage == "fetch" else ()
        _stage(staging, stage, [key for key in keys if key not in missing], orders)
    exchange = {"at": 0.0, "request": "PUT https://erp.example/sales", "status": 422, "body": "no " * 200}
    lines = [
        {"ordinals": [at], "entities": 1, "masked": [], "exchange": {**exchange, "request_body": "x" * 1000}}
        for at in range(max(0, len(keys) - 500), len(keys))
    ]
    (staging.folder / "push.exchanges").write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return staging


def _stage(staging: Staging, stage: StagingStage, keys: list[str], orders: list[bytes]) -> None:
    writer = SegmentWriter(staging, stage)
    for at, key in enumerate(keys):
        order = orders[at % PAGE].replace(b"W-%09d", key.encode())
        writer.add(b'["%s","2026-01-01T00:00:00Z",%s]' % (key.encode(), order))
        if writer.full:
            writer.close_segment()
    writer.close_segment()
    window = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
    manifest = Manifest(route=staging.route, run_id=staging.run_id, stage=stage, route_hash="", window=window)
    manifest.complete, manifest.entities, manifest.segments = True, len(keys), writer.segments
    staging.save(manifest)

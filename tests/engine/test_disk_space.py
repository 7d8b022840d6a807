from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_integrations.engine import disk_space
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import begin_run, finish_run
from airflow_integrations.run import Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
NOW = datetime(2026, 1, 2, tzinfo=UTC).timestamp()
MB = 1_000_000


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.temporary() as found:
        yield found


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return Services(None, ledger=ledger, now=lambda: NOW)  # type: ignore[arg-type]


def staged(ledger: Ledger, base: Path, run_id: str, *, finished: bool = True, failed: bool = False) -> Staging:
    """A run that has staged 10 MB, by its books."""
    staging = Staging(base, "orders", run_id)
    staging.write("push-00000.jsonl.zst", b"x")
    run: RunRef = begin_run(
        ledger,
        "orders",
        run_id,
        kind="manual",
        window=WINDOW,
        route_hash="x",
        staging=str(staging.folder),
        now=NOW - 60,
    )
    outcome = Outcome(
        key=run_id, status="failed" if failed else "delivered", hash="h", payload_stage="push", payload_at=0
    )
    conclude(ledger, run, [outcome], now=NOW - 50)
    if finished:
        finish_run(
            ledger, run, counts={}, seconds={}, verdict=None, bytes=10 * MB, covered=None, cursor=None, now=NOW - 40
        )
    return staging


async def test_where_there_is_room_nothing_is_removed_and_no_ledger_asked(tmp_path: Path) -> None:
    class NoLedger(Services):
        @property
        def ledger(self) -> Any:
            raise AssertionError("the ledger was opened")

    await disk_space.make_room(NoLedger(None), Staging(tmp_path, "orders", "new"))  # type: ignore[arg-type]


async def test_at_the_limit_the_oldest_delivered_payloads_go(
    ledger: Ledger, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_space, "REMOVED_AT_ONCE", 1)
    failed = staged(ledger, tmp_path, "failed", failed=True)
    runs = [staged(ledger, tmp_path, name) for name in ("first", "second", "third")]
    under_way = staged(ledger, tmp_path, "under way", finished=False)
    await disk_space.make_room(services, Staging(tmp_path, "orders", "new"), 25 * MB)
    assert [run.folder.exists() for run in runs] == [False, False, True]
    assert failed.folder.exists()
    assert under_way.folder.exists()


async def test_where_that_is_not_enough_fetch_does_not_begin(
    ledger: Ledger, services: Services, tmp_path: Path
) -> None:
    failed, delivered = staged(ledger, tmp_path, "failed", failed=True), staged(ledger, tmp_path, "delivered")
    with pytest.raises(OutageError, match=r"staging holds 10 MB of at most 10 MB .*retry or skip the entities"):
        await disk_space.make_room(services, Staging(tmp_path, "orders", "new"), 10 * MB)
    assert failed.folder.exists()
    assert not delivered.folder.exists()


async def test_a_disk_that_is_nearly_full_counts_without_a_limit(
    ledger: Ledger, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered = staged(ledger, tmp_path, "delivered")

    def usage(path: Path) -> Any:
        free = 100 * MB if delivered.folder.exists() else 300 * MB
        return type(real(path))(4000 * MB, 4000 * MB - free, free)

    real = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", usage)
    await disk_space.make_room(services, Staging(tmp_path / "not" / "there yet", "orders", "new"))
    assert not delivered.folder.exists()


@pytest.mark.parametrize(
    ("total", "least"), [(64 * MB, 12.8 * MB), (2000 * MB, 200 * MB), (20_000 * MB, 1000 * MB), (10**13, 5000 * MB)]
)
def test_how_much_must_be_free(total: int, least: float) -> None:
    assert disk_space.least_free(total) == least

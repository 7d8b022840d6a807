"""The route and the test of docs/systems/steps.md go together, and preview shows what the page says."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from airflow_integrations.route_files.load import read_route
from airflow_integrations.run import Run
from airflow_integrations.simulate.replay import Recording, ReplayServices
from airflow_integrations.simulate.trial import attempt
from airflow_integrations.testing import run_route_tests
from airflow_integrations.window import Window

PAGE = Path(__file__).parents[2] / "docs" / "systems" / "steps.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
ROUTE = EXAMPLES[0]
TESTS = next(text for text in EXAMPLES if text.startswith("# fragment: tests\n"))
WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


def test_the_route_does_what_its_test_says(tmp_path: Path) -> None:
    (tmp_path / "orders.yaml").write_text(ROUTE)
    (tmp_path / "orders.test.yaml").write_text(TESTS)
    report = run_route_tests(tmp_path)
    assert report.ok, report
    assert report.outcomes


async def test_preview_shows_all_requests(tmp_path: Path) -> None:
    (tmp_path / "orders.yaml").write_text(ROUTE)
    entity = {"number": "SO-1", "status": "paid", "customer": {"id": "C", "name": "Ada"}, "lines": []}
    run = Run(read_route(tmp_path, "orders").route, "preview", WINDOW, entities=(entity,))
    recording = Recording()
    async with ReplayServices(recording) as source, ReplayServices(recording) as target:
        trial = await attempt(run, source, target, recording, tmp_path / "staged")
    assert trial.error is None
    assert [str(heard) for heard in trial.requests["erp"]] == [
        "GET /parties?code=C",
        "POST /parties",
        "POST /sales",
        "POST /sales/SALE_ID/confirm",
    ]
    assert trial.requests["erp"][2].data["party"] == "PARTY_ID"
    assert trial.outbounds[0].key == "SO-1"

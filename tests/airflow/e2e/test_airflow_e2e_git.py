"""Routes from a git repository in a real Airflow: each run works by the files of its own commit."""

from __future__ import annotations

import pytest
from e2e_scene import Airflow, Systems, numbers, window
from git_repository import Repository
from git_scene import rate
from test_airflow_e2e_hooks import send

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("airflow")]
DAG = "versioned"
HOOKED = "g-1"
"""The order that comes by webhook."""


@pytest.fixture(autouse=True)
def needed(repository: Repository | None) -> None:
    if repository is None:
        pytest.skip("Airflow's provider for git is not installed")


def page(airflow: Airflow, run: str) -> str:
    return airflow.session.get(f"{airflow.components.url}/integrations/routes/{DAG}/runs/{run}", timeout=60).text


def totals(systems: Systems) -> list[list[str]]:
    """What has arrived of the orders that were fetched, with the rate of the table that was used."""
    return sorted(total for total in systems.state(DAG)["totals"] if total[0] != HOOKED)


def test_a_run_ends_by_the_commit_that_it_began_with(
    airflow: Airflow, systems: Systems, repository: Repository
) -> None:
    old = repository.git("rev-parse", "HEAD").strip()
    systems.control(DAG, hold=True)
    first = airflow.trigger(DAG, window(2))
    airflow.wait("the fetch", lambda: systems.state(DAG)["windows"])
    new = rate(repository, 2)
    airflow.read_again(DAG)
    airflow.wait(
        "the new commit", lambda: airflow.call("GET", f"/dags/{DAG}/details")["bundle_version"] == new, timeout=120
    )
    systems.control(DAG, hold=False)
    airflow.ended(DAG, first)
    assert totals(systems) == [[number, "1"] for number in numbers(2)]
    second = airflow.trigger(DAG, window(2))
    airflow.ended(DAG, second)
    assert totals(systems) == sorted([number, rate] for number in numbers(2) for rate in "12")
    for run, commit in ((first, old), (second, new)):
        assert airflow.call("GET", f"/dags/{DAG}/dagRuns/{run}")["bundle_version"] == commit
        assert commit[:12] in page(airflow, run)


def test_its_webhook_is_served(airflow: Airflow, systems: Systems) -> None:
    body = b'{"orders": [{"number": "%s", "status": "paid"}]}' % HOOKED.encode()
    assert send(airflow, HOOKED, body, query="", path="versioned").status_code == 202
    airflow.wait("the delivery", lambda: HOOKED in systems.state(DAG)["received"])

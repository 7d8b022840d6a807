"""The API where the ledger is away, and how it tells what is wrong."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from airflow_integrations.errors import AnswerError, OutageError, RunError, SetupError
from airflow_integrations.ledger.ledger import Ledger


@pytest.mark.parametrize(
    ("error", "status", "later"),
    [
        (OutageError("the ledger is away: start it again"), 503, "5"),
        (SetupError("there is no Connection 'ledger'"), 503, None),
        (RunError("the ledger does not know the route orders"), 422, None),
        (AnswerError("something else"), 500, None),
    ],
)
def test_an_error_is_told_as_it_is(error: Exception, status: int, later: str | None) -> None:
    from airflow_integrations.airflow.web.api.app import build_api
    from airflow_integrations.airflow.web.console import Console
    from airflow_integrations.airflow.web.security.access import Who, signed_in
    from airflow_integrations.airflow.web.webhooks.app import Hooks

    def away() -> Ledger:
        raise error

    api = build_api(Console(ledger=away), Hooks())
    api.dependency_overrides[signed_in] = lambda: Who("ana", None)
    answer = TestClient(api).get("/overview")
    assert (answer.status_code, answer.json()) == (status, {"detail": str(error)})
    assert answer.headers.get("Retry-After") == later


def test_a_ledger_that_was_away_is_opened_by_the_next_request() -> None:
    from airflow_integrations.airflow.web.console import Console

    answers: list[OutageError | Ledger] = [OutageError("away"), Ledger.temporary()]

    def open_it() -> Ledger:
        if isinstance(found := answers.pop(0), OutageError):
            raise found
        return found

    console = Console(ledger=open_it)
    with pytest.raises(OutageError):
        _ = console.ledger
    assert console.ledger is console.ledger
    console.ledger.close()

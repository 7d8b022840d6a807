"""A source that is away is told about while the command waits for it."""

from __future__ import annotations

from airflow_integrations.cli.run.attempts import ToldAttempts
from airflow_integrations.http.observer import Attempt


def attempt(status: int | None, path: str = "/orders?token=secret") -> Attempt:
    reason = "the connection was refused: 127.0.0.1:9" if status is None else ""
    return Attempt("shop", "GET", path, status, 0.0, 1.25, reason)


def test_each_attempt_that_came_to_nothing_is_a_line_without_its_query() -> None:
    told: list[str] = []
    watch = ToldAttempts(told.append)
    for status in (None, 503, 200, 429):
        watch.attempted(attempt(status))
    watch.waited("shop", "back_off", 4.2)
    watch.waited("shop", "pace", 4.2)
    assert told == [
        "shop: no answer to GET /orders after 1.2 s (attempt 1): the connection was refused: 127.0.0.1:9",
        "shop: HTTP 503 Service Unavailable to GET /orders after 1.2 s (attempt 2)",
        "shop: HTTP 429 Too Many Requests to GET /orders after 1.2 s (attempt 1)",
        "shop: waited 4 s, trying again",
    ]

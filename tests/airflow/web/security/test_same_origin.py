"""Which requests a browser may have been made to send by another site."""

from __future__ import annotations

import pytest

from airflow_integrations.airflow.web.security.same_origin import bearer, same_origin

HERE = {"https://airflow.example.com", "http://127.0.0.1:8080"}


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin", "origin": "https://airflow.example.com"}, True),
        ({"sec-fetch-site": "cross-site", "origin": "https://airflow.example.com"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": ""}, False),
        ({"origin": "https://airflow.example.com"}, True),
        ({"origin": "HTTPS://AIRFLOW.example.com"}, True),
        ({"origin": "http://127.0.0.1:8080"}, True),
        ({"origin": "http://127.0.0.1:8081"}, False),
        ({"origin": "http://airflow.example.com"}, False),
        ({"origin": "https://airflow.example.com.evil.org"}, False),
        ({"origin": "null"}, False),
        ({"referer": "https://airflow.example.com/"}, False),
        ({}, False),
    ],
)
def test_the_browser_says_who_asks(headers: dict[str, str], own: bool) -> None:
    assert same_origin(headers, HERE) is own


@pytest.mark.parametrize(
    ("value", "own"), [("Bearer x", True), ("bearer x", True), ("Bearer ", False), ("Basic x", False), ("", False)]
)
def test_only_a_bearer_token_speaks_for_itself(value: str, own: bool) -> None:
    assert bearer({"authorization": value}) is own

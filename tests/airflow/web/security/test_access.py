"""Who gets in, and what they may: a real API server of Airflow, its own tokens and cookies."""

from __future__ import annotations

import pytest
from web_scene import Server

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("console")]


def may(server: Server, user: str, route: str) -> list[str]:
    told = server.get("/me", user, route=route)
    return [name.removeprefix("may_") for name, value in told.items() if value is True]


@pytest.mark.parametrize(
    ("user", "route", "allowed"),
    [
        ("admin", "orders", ["read", "act", "trigger", "see_payloads"]),
        ("ann", "orders", ["read", "act", "trigger", "see_payloads"]),
        ("vic", "orders", ["read", "see_payloads"]),
        ("no_payloads", "orders", ["read", "act", "trigger"]),
        ("orders_only", "orders", ["read", "act", "trigger", "see_payloads"]),
        ("orders_only", "stock", []),
        ("orders_only", "gone", []),
        ("admin", "gone", ["read", "act", "trigger", "see_payloads"]),
        ("vic", "gone", ["read", "see_payloads"]),
    ],
)
def test_what_users_may(server: Server, user: str, route: str, allowed: list[str]) -> None:
    assert may(server, user, route) == allowed


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}, {"Cookie": "_token=nonsense"}])
def test_nobody_gets_in_without_signing_in(server: Server, headers: dict[str, str]) -> None:
    for path in ("/me", "/openapi.json"):
        assert server.send("GET", path, headers).status_code in (401, 403)


def test_the_cookie_of_airflow_signs_in(server: Server) -> None:
    assert server.by_cookie("vic", "GET", "/me", {}).json()["name"] == "vic"


def test_every_answer_tells_the_browser_to_be_careful(server: Server) -> None:
    for answer in (server.call("admin", "GET", "/me"), server.send("GET", "/nothing", {})):
        assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
        assert "http" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"] == "application/json"

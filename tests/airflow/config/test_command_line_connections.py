"""Connections of the environment are on a command line what Airflow makes of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.sdk import Connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from airflow_integrations.airflow.config.command_line import CommandLineConnections
from airflow_integrations.airflow.config.without_airflow import Environment
from airflow_integrations.errors import SetupError

FIELDS = ("conn_id", "conn_type", "description", "host", "schema", "login", "password", "port", "extra", "extra_dejson")
PART = st.text(st.sampled_from("aZ0_-.~!$&'()*+,;=:@/?#[]% \"\\é\ud800"), max_size=6)
FIELD = st.one_of(st.none(), PART)
SCHEMES = st.sampled_from(["http", "https", "HTTP", "postgres", "postgresql", "google-cloud-platform", "a_b", ""])
AUTHORITIES = st.builds("{}:{}@{}:{}".format, PART, PART, PART, st.sampled_from(["1", "443", "x", ""]))
URIS = st.one_of(
    st.builds("{}://{}/{}?{}".format, SCHEMES, st.one_of(PART, AUTHORITIES), PART, PART),
    st.builds("{}://{}://{}/{}".format, SCHEMES, SCHEMES, st.one_of(PART, AUTHORITIES), PART),
    st.builds(" {}://u:p@https%3A%2F%2F{}/{}?__extra__={}".format, SCHEMES, PART, PART, PART),
)
VALUES = st.recursive(
    st.one_of(FIELD, st.integers(), st.booleans()), lambda one: st.lists(one, max_size=3), max_leaves=4
)
EXTRA = st.one_of(VALUES, st.dictionaries(PART, VALUES, max_size=2), VALUES.map(json.dumps))
OBJECTS = st.fixed_dictionaries(
    {"conn_type": st.one_of(st.none(), SCHEMES)},
    optional={
        **dict.fromkeys(("host", "schema", "login", "password", "description"), FIELD),
        "extra": EXTRA,
        "port": st.one_of(st.none(), st.integers(0, 70000), st.booleans(), PART, st.just("80")),
        "other": FIELD,
    },
)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Airflow logs each Connection that it cannot read."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@given(st.one_of(URIS, OBJECTS.map(json.dumps), OBJECTS.map(lambda one: f"\n {json.dumps(one)} ")))
@example("http://user:p%40ss@shop.example:8443/https?timeout=5&__extra__=%7B%22a%22%3A%201%7D")
@example("http://https://Shop.example:8443/a/b")
@example("http://a:b@https%3A%2F%2FShop.example%3A8443/x")
@example('{"conn_type": "http", "extra": [[1, 2, 3]]}')
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
def test_what_is_read_is_what_airflow_reads(tmp_path: Path, written: str) -> None:
    try:
        written.encode()
    except UnicodeEncodeError:
        return  # no environment can have it
    found = Environment({"AIRFLOW_HOME": str(tmp_path), "AIRFLOW_CONN_SHOP": written}).connection("shop")
    if found is None:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_SHOP", written)
        theirs = Connection.get("shop")
    assert {name: getattr(found, name) for name in FIELDS} == {name: getattr(theirs, name) for name in FIELDS}


@pytest.mark.parametrize(
    "written",
    [
        "http://127.0.0.1:8080",
        "http://user:p%40ss@shop.example:8443/https",
        "http://user:pass@https%3A%2F%2Fshop.example",
        "https://shop.example",
        "postgres://u:p@db:5433/shop?sslmode=require",
        '{"conn_type": "http", "host": "https://shop.example", "password": "x", "extra": {"integrations": {}}}',
        '{"conn_type": "amqp", "host": "h", "port": "5672", "extra": "{\\"tls\\": true}"}',
        ' {"host": "https://shop.example"} ',
    ],
)
def test_usual_ones_are_read(tmp_path: Path, written: str) -> None:
    assert Environment({"AIRFLOW_HOME": str(tmp_path), "AIRFLOW_CONN_SHOP": written}).connection("shop") is not None


@pytest.mark.parametrize(
    ("environ", "cfg", "first"),
    [
        ({}, "", True),
        ({}, "[secrets]\nbackend =\nuse_cache = False\n[core]\nmulti_team = False\n", True),
        ({}, "[secrets]\nbackend = a.B\n", False),
        ({"AIRFLOW__SECRETS__BACKEND": "a.B"}, "", False),
        ({"AIRFLOW__CORE__MULTI_TEAM": "True"}, "", False),
    ],
)
def test_a_secrets_backend_is_asked_before_the_environment(
    tmp_path: Path, environ: dict[str, str], cfg: str, first: bool
) -> None:
    (tmp_path / "airflow.cfg").write_text(cfg)
    own = {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW_CONN_SHOP": "http://shop.example", "AIRFLOW_VAR_REGION": "EU"}
    found = Environment(own | environ)
    assert (found.connection("shop") is not None, found.variable("region")) == (first, "EU" if first else None)


def test_airflow_is_asked_for_what_the_environment_has_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.delenv("AIRFLOW__CORE__UNIT_TEST_MODE", raising=False)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", "http://u:p@shop.example")
    monkeypatch.setenv("AIRFLOW_VAR_EMPTY", "")
    found = CommandLineConnections(loaded=lambda: asked.append("airflow"))
    assert found.endpoint("shop").base_url == "http://shop.example"
    assert (found.broker("shop").login, found.variable("empty")) == ("u", "")
    assert asked == []
    with pytest.raises(SetupError, match=r"there is no Connection 'nowhere'.*--conn-type http"):
        found.endpoint("nowhere")
    assert asked == ["airflow"]

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk._shared.secrets_masker import redact, should_hide_value_for_key

from airflow_integrations.airflow.config.connection_options import ConnectionOptions
from airflow_integrations.airflow.config.connections import AirflowConnections
from airflow_integrations.errors import SetupError
from airflow_integrations.http import ApiKey, Basic, Bearer, Endpoint, OAuth2


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Any:
    def read(**fields: Any) -> Endpoint:
        monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps({"conn_type": "http", "host": "shop.example"} | fields))
        return AirflowConnections().endpoint("shop")

    return read


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({}, "http://shop.example"),
        ({"schema": "https"}, "https://shop.example"),
        ({"host": "https://shop.example/base/"}, "https://shop.example/base"),
        ({"host": "https://shop.example/base", "port": 8443}, "https://shop.example:8443/base"),
        ({"host": "https://shop.example", "schema": "http"}, "https://shop.example"),
        ({"port": 8080}, "http://shop.example:8080"),
        ({"host": "[::1]", "port": 8080}, "http://[::1]:8080"),
        ({"conn_type": "https"}, "https://shop.example"),
    ],
)
def test_the_base_url_comes_from_host_schema_and_port(endpoint: Any, fields: dict[str, Any], url: str) -> None:
    assert endpoint(**fields).base_url == url


def test_a_uri_that_says_https_is_never_made_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", "https://me:pw@shop.example")
    assert AirflowConnections().endpoint("shop").base_url == "https://shop.example"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"host": ""}, "has no host"),
        ({"schema": "api/v1"}, "schema is the scheme"),
        ({"host": "https://shop.example:1", "port": 2}, "leave one of them out"),
        ({"conn_type": "postgres"}, "needs one of type http"),
        ({"extra": {"timeout": "soon"}}, "extra.timeout is a number of seconds"),
        ({"extra": {"srv_lookup": True}}, "srv_lookup is not supported"),
        ({"extra": {"integrations": {"rate": 3}}}, "extra.integrations.rate: unknown option"),
        ({"extra": {"integrations": {"requests_per_seconds": 3}}}, "did you mean 'requests_per_second'"),
        ({"extra": {"integrations": {"auth": "api_key"}, "x": 1}, "password": "k"}, "needs name"),
        ({"extra": {"integrations": {"auth": "bearer"}}}, "needs its password, the token"),
        ({"extra": {"integrations": {"auth": "oauth2"}}}, "needs token_url"),
        ({"extra": {"integrations": []}}, "is an object with options"),
    ],
)
def test_what_cannot_work_is_told(endpoint: Any, fields: dict[str, Any], told: str) -> None:
    with pytest.raises(SetupError) as caught:
        endpoint(**fields)
    assert told in str(caught.value)
    assert "'shop'" in str(caught.value)


def test_login_and_password_are_basic_authentication(endpoint: Any) -> None:
    assert endpoint(login="me", password="pw").auth == Basic("me", "pw")
    assert endpoint().auth is None
    assert endpoint(login="me", password="pw", extra={"integrations": {"auth": "none"}}).auth is None


def test_other_ways_to_authenticate_keep_their_secret_in_the_password(endpoint: Any) -> None:
    assert endpoint(password="t", extra={"integrations": {"auth": "bearer"}}).auth == Bearer("t")
    key = {"auth": "api_key", "name": "X-Key", "place": "query"}
    assert endpoint(password="k", extra={"integrations": key}).auth == ApiKey("X-Key", "k", "query")
    oauth = {"auth": "oauth2", "token_url": "https://login.example/token", "scope": "a b"}
    oauth |= {"parameters": {"audience": "x"}}  # type: ignore[dict-item]
    assert endpoint(login="id", password="s", extra={"integrations": oauth}).auth == OAuth2(
        "https://login.example/token", "id", "s", "a b", "header", {"audience": "x"}
    )


def test_no_option_makes_airflow_hide_an_everyday_word(endpoint: Any) -> None:
    hidden = {name for name in ConnectionOptions.model_fields if should_hide_value_for_key(name)}
    assert hidden == {"token_url", "proxy"}  # URLs, which are not words of a log


def test_a_key_that_is_the_login_is_hidden_by_airflow_too(endpoint: Any) -> None:
    endpoint(login="key-planted-as-login", password="")
    endpoint(login="integration-user", password="s3cret-password")
    shown = redact("key-planted-as-login of integration-user")
    assert shown == "*** of integration-user"


def test_no_secret_is_in_a_repr(endpoint: Any) -> None:
    extra = {"proxies": {"http": "http://u:hush@proxy:1"}, "integrations": {"headers": {"X-Token": "hush"}}}
    assert "hush" not in repr(endpoint(login="me", password="hush", extra=extra))


def test_options_of_providers_http_mean_the_same(endpoint: Any) -> None:
    extra = {"timeout": [3, 9], "verify": False, "cert": ["a.pem", "b.pem"], "proxies": {"http": "http://proxy:1"}}
    found = endpoint(extra=extra)
    assert (found.connect_timeout, found.read_timeout, found.verify) == (3, 9, False)
    assert (found.client_cert, found.proxy) == (("a.pem", "b.pem"), "http://proxy:1")
    assert endpoint(extra={"timeout": 7}).read_timeout == 7


def test_our_own_options_win_over_those_of_providers_http(endpoint: Any) -> None:
    own = {"read_timeout": 5, "verify": "/ca.pem", "requests_per_second": 2.5, "concurrency": 3, "retry_budget": 0}
    found = endpoint(extra={"timeout": 9, "verify": False, "integrations": own | {"headers": {"X-A": "1"}}})
    assert (found.read_timeout, found.verify, found.requests_per_second) == (5, "/ca.pem", 2.5)
    assert (found.concurrency, found.retry_budget, dict(found.headers)) == (3, 0, {"X-A": "1"})


def test_unknown_extras_are_no_headers_and_their_values_are_not_logged(
    endpoint: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "airflow_integrations"):
        assert dict(endpoint(extra={"X-Secret": "hush"}).headers) == {}
    assert "X-Secret" in caplog.text
    assert "hush" not in caplog.text


def test_a_missing_connection_says_where_it_was_looked_for_and_how_to_add_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_NOWHERE", raising=False)
    with pytest.raises(SetupError) as caught:
        AirflowConnections().endpoint("nowhere")
    assert "AIRFLOW_CONN_NOWHERE" in str(caught.value)
    assert "airflow connections add nowhere --conn-type http" in str(caught.value)


def test_a_mistyped_connection_is_told_which_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WEB_SHOP", "http://shop.example")
    with pytest.raises(SetupError, match="there is no Connection 'web_shpo', did you mean 'web_shop'"):
        AirflowConnections().endpoint("web_shpo")
    with pytest.raises(SetupError, match="there is no Connection 'unlike': looked in"):
        AirflowConnections().endpoint("unlike")


def test_variables_are_text_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_REGION", "EU")
    assert AirflowConnections().variable("region") == "EU"
    assert AirflowConnections().variable("nowhere") is None


def test_the_documentation_names_every_option() -> None:
    page = (Path(__file__).parents[3] / "docs" / "systems" / "connections.md").read_text()
    told = set(re.findall(r"^\| `(\w+)` \|", page.split("## Our options")[1].split("## Auth")[0], re.MULTILINE))
    assert told == set(ConnectionOptions.model_fields)


@pytest.mark.parametrize(
    "text",
    [
        '{"conn_type": "http", "password": "planted", bad',
        "http://u:planted@host:port/",
        '{"host": "h", "nix": "planted"}',
    ],
)
def test_a_variable_that_is_no_connection_is_told_as_such_without_its_text(
    text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", text)
    with pytest.raises(SetupError, match="AIRFLOW_CONN_SHOP is set and is not a Connection") as caught:
        AirflowConnections().endpoint("shop")
    assert "planted" not in str(caught.value) + caplog.text


def test_options_of_wrong_types_are_told_in_our_words(endpoint: Any) -> None:
    with pytest.raises(SetupError, match=r"extra.integrations.headers.X: should be a valid string$"):
        endpoint(extra={"integrations": {"headers": {"X": 1}}})

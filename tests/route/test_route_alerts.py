"""What a route may say under ``alerts``."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_integrations.route.alerts import Target
from airflow_integrations.route.definition import Route
from airflow_integrations.route.hash import route_hash
from airflow_integrations.route_files.load import check_all, read_route

ROUTE = "entity: {key: entity.id}\nincoming: {http: {connection: x, path: /x, records: body}}\noutgoing: {none: {}}\n"
NOTIFY = "notify: [{email: ops@example.com}]"


def mistakes(folder: Path, alerts: str) -> list[str]:
    (folder / "orders.yaml").write_text(f"{ROUTE}alerts: {{{alerts}}}\n")
    return [f"{each.path}: {each.message}" for each in check_all(folder)]


@pytest.mark.parametrize(
    ("alerts", "told"),
    [
        ("late: 15m", "alerts: nobody would be told: write notify, a list of targets such as email: ops@example.com"),
        ("notify: []", "alerts: nobody would be told"),
        ("notify: [{emial: a@b.c}]", "alerts.notify.0: unknown key 'emial', did you mean 'email'? One of: apprise,"),
        ("notify: [{email: a@b.c, slack: x}]", "alerts.notify.0: a target is exactly one of email, slack, apprise"),
        ("notify: [{}]", "alerts.notify.0: a target is exactly one of email, slack, apprise"),
        ("notify: [{email: null}]", "alerts.notify.0: a target is exactly one of email, slack, apprise"),
        ("notify: [{email: ops at example}]", "alerts.notify.0.email: 'ops at example' is not allowed here; write an"),
        ("notify: [{email: []}]", "alerts.notify.0.email: no address: write one such as ops@example.com"),
        ('notify: [{email: "a@b.c\\nBcc: x@y.z"}]', "is not allowed here; write an address, such as ops@example.com"),
        ("notify: [{apprise: 'json://secret@host'}]", "is not allowed here; write letters, digits, _, . and -"),
        (
            f"{NOTIFY}, nothing_recieved: 3h",
            "did you mean 'nothing_received'? One of: contract, error_rate, failure, late",
        ),
        (f"{NOTIFY}, late: 10s", "alerts.late: it is looked every two minutes: write 1m or more"),
        (f"{NOTIFY}, late: 5", "alerts.late: 5 is not a duration; write it like 5s, if seconds are meant"),
        (f"{NOTIFY}, repeat: 1m", "alerts.repeat: nobody wants to hear it again so soon: write 15m or more"),
        (f"{NOTIFY}, error_rate: high", "'high' is not allowed here; write a percentage, such as 2%"),
        (f"{NOTIFY}, failure: 'yes'", "alerts.failure: expected true or false, found the text 'yes'"),
    ],
)
def test_a_mistake_says_what_is_allowed(tmp_path: Path, alerts: str, told: str) -> None:
    (found,) = mistakes(tmp_path, alerts)
    assert told in found


def read(folder: Path) -> Route:
    return read_route(folder, "orders").route


def test_defaults_are_completed_by_the_route_and_null_turns_off(tmp_path: Path) -> None:
    (tmp_path / "_defaults.yaml").write_text(f"alerts: {{{NOTIFY}, late: 15m, queue_older_than: 1h}}\n")
    (tmp_path / "orders.yaml").write_text(ROUTE + "alerts: {late: null, failure: false, error_rate: 5%}\n")
    alerts = read(tmp_path).alerts
    assert alerts is not None
    assert alerts.wanted() == ("error_rate", "queue_older_than", "contract")
    (tmp_path / "orders.yaml").write_text(ROUTE + "alerts: null\n")
    assert read(tmp_path).alerts is None


def test_who_is_told_does_not_make_it_another_route(tmp_path: Path) -> None:
    (tmp_path / "orders.yaml").write_text(ROUTE)
    before = route_hash(read(tmp_path))
    (tmp_path / "orders.yaml").write_text(f"{ROUTE}alerts: {{{NOTIFY}}}\n")
    assert route_hash(read(tmp_path)) == before


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ({"email": "ops@example.com"}, "email ops@example.com by smtp_default"),
        ({"email": {"to": ["b@x.y", "a@x.y"], "connection": "mail"}}, "email a@x.y, b@x.y by mail"),
        ({"slack": "ops"}, "slack ops"),
        ({"apprise": {"connection": "pager"}}, "apprise pager"),
    ],
)
def test_a_target_has_a_name_and_is_written_as_it_was(target: dict[str, object], name: str) -> None:
    read = Target.model_validate(target)
    assert read.name == name
    assert Target.model_validate(read.model_dump(mode="json", exclude_unset=True)) == read

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time.comms import ErrorResponse
from message_servers import Hook, Mailbox, http, smtp
from statsd_listener import Listener, listening

from airflow_integrations.airflow.config.ledger import open_ledger
from airflow_integrations.airflow.maintenance import alerts
from airflow_integrations.airflow.maintenance.alerts import evaluate_alerts
from airflow_integrations.alerting.lifecycle import QUIET
from airflow_integrations.ledger import alerts as known
from airflow_integrations.ledger.contract import accept_drift, change_learned, learned_of
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import begin_run, find_run, finish_run, note_outage
from airflow_integrations.route.contracts.learned import Learned, learn_from
from airflow_integrations.route.contracts.options import ContractOptions
from airflow_integrations.route.contracts.seen import Seen
from airflow_integrations.window import Window

START = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
ROUTE = "entity: {key: entity.id}\nincoming: {http: {connection: x, path: /x, records: body}}\noutgoing: {none: {}}\n"
EMAIL = "alerts: {notify: [{email: ops@example.com}]"


class Dags:
    """What Airflow says of DAGs."""

    def __init__(self) -> None:
        self.paused = False
        self.unknown = False
        self.asked = 0

    def get_dag(self, dag_id: str) -> Any:
        self.asked += 1
        if self.unknown:
            raise AirflowRuntimeError(ErrorResponse(detail={"status_code": 404}))
        return SimpleNamespace(is_paused=self.paused)

    def get_dr_count(self, dag_id: str, *, states: list[str]) -> int:
        raise AssertionError("not asked")


@dataclass
class World:
    """Routes, their runs, and a maintenance that looks every two minutes."""

    folder: Path
    now: float = START
    dags: Dags = field(default_factory=Dags)
    runs: int = 0

    def route(self, name: str, more: str) -> None:
        (self.folder / f"{name}.yaml").write_text(ROUTE + more)

    def run(self, name: str, verdict: str | None = None, outcomes: list[Outcome] | None = None, **counts: int) -> None:
        self.runs += 1
        self.now += 1
        window = Window(datetime(2026, 1, 1, 11, tzinfo=UTC), datetime.fromtimestamp(self.now, UTC))
        with open_ledger() as ledger:
            run = begin_run(
                ledger,
                name,
                f"run {self.runs}",
                kind="scheduled",
                window=window,
                route_hash="",
                staging="",
                now=self.now,
            )
            if outcomes:
                conclude(ledger, run, outcomes, now=self.now)
            given: Any = {
                "seconds": {},
                "verdict": verdict,
                "bytes": 0,
                "covered": None,
                "cursor": None,
                "now": self.now,
            }
            finish_run(ledger, run, counts=counts, **given)

    def look(self, after: float = 120.0) -> None:
        self.now += after
        evaluate_alerts(self.folder, self.dags, self.now)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    (tmp_path / "routes").mkdir()
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/")
    return World(tmp_path / "routes")


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with smtp(monkeypatch) as box:
        yield box


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    with http() as endpoint:
        given = {"conn_type": "generic", "password": f"json://{endpoint.url}/x"}
        monkeypatch.setenv("AIRFLOW_CONN_PAGER", json.dumps(given))
        yield endpoint


def subjects(mailbox: Mailbox) -> list[str]:
    return [str(mail["Subject"]) for mail in mailbox.mails]


def test_a_message_quotes_nothing_of_what_the_route_masks_now(world: World, mailbox: Mailbox) -> None:
    world.route("orders", EMAIL + "}\nmask: [customer.email]")
    world.look()
    reason = "ana.buyer@example.com is blocked"
    refused = Outcome(key="SO-2", status="failed", reason=reason, error_class="refused", since=START)
    world.run("orders", "1 failed of 3 entities", [refused], fetched=3, delivered=2, failed=1)
    world.look()
    (body,) = mailbox.html()
    assert "ana.buyer" not in body
    assert "1 × failed: (not shown: the mask of the route has grown since" in body


def test_a_failure_is_told_once_and_so_is_its_end(world: World, mailbox: Mailbox) -> None:
    world.route("orders", EMAIL + "}")
    world.look()
    refused = Outcome(key="SO-2", status="failed", reason="the total is missing", error_class="refused", since=START)
    world.run("orders", "1 failed of 3 entities", [refused], fetched=3, delivered=2, failed=1)
    world.look()
    assert subjects(mailbox) == ["ALERT orders: a run failed"]
    (body,) = mailbox.html()
    assert "1 failed of 3 entities" in body
    assert "1 × failed: the total is missing (SO-2)" in body
    assert 'href="https://airflow.example/integrations/routes/orders"' in body
    assert 'href="https://airflow.example/dags/orders/runs/run%201"' in body
    for _ in range(5):
        world.run("orders", "1 failed of 3 entities")
        world.look()
    assert len(mailbox.mails) == 1
    world.run("orders", fetched=3)
    world.look()
    world.look()
    assert subjects(mailbox)[1:] == ["RESOLVED orders: a run failed"]


def test_a_new_routes_first_failure_is_told_and_an_old_one_is_no_news(world: World, mailbox: Mailbox) -> None:
    world.route("old", EMAIL + "}")
    world.run("old", "bad")
    world.now += 3600
    world.route("new", EMAIL + "}")
    world.run("new", "bad")
    world.look()
    world.look()
    assert subjects(mailbox) == ["ALERT new: a run failed"]


def test_what_goes_wrong_at_once_is_one_message(world: World, mailbox: Mailbox) -> None:
    for name in ("orders", "stock", "prices"):
        world.route(name, EMAIL + "}")
    world.look()
    for name in ("orders", "stock", "prices"):
        world.run(name, "the target is away")
    world.look()
    assert subjects(mailbox) == ["3 alerts: orders, prices, stock"]


def test_who_cannot_be_told_is_told_later_and_keeps_nobody_from_being_told(
    world: World, mailbox: Mailbox, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    world.route("orders", "alerts: {notify: [{email: ops@example.com}, {apprise: pager}, {slack: nowhere}]}")
    world.look()
    mailbox.answer = "451 later"
    world.run("orders", "the target is away")
    world.look()
    assert (len(mailbox.mails), len(hook.bodies)) == (0, 1)
    assert "email ops@example.com by smtp_default could not be told of 1 alert, and is the next time" in caplog.text
    assert "slack nowhere could not be told" in caplog.text
    mailbox.answer = "250 OK"
    world.look()
    assert (len(mailbox.mails), len(hook.bodies)) == (1, 1)
    with open_ledger() as ledger:
        targets = known.read(ledger)["orders", "failure"].targets
    assert {name.partition(" ")[0]: told.failed for name, told in targets.items()} == {
        "email": 0,
        "apprise": 0,
        "slack": 2,
    }


def test_a_queue_that_is_old_and_an_error_rate(world: World, hook: Hook) -> None:
    world.route(
        "orders",
        "alerts: {notify: [{apprise: pager}], failure: false, queue_older_than: 1h, error_rate: 5%}",
    )
    world.look()
    later = Outcome(key="1", status="retrying", reason="away", error_class="outage", since=START, next_attempt=START)
    world.run("orders", "bad", [later], fetched=100, delivered=80, failed=20)
    world.look()
    assert [body["title"] for body in hook.bodies] == ["ALERT orders: too many errors"]
    world.look(3600)
    assert [body["title"] for body in hook.bodies][1:] == ["ALERT orders: entities wait for too long"]
    assert "1 × retrying: away (1)" in hook.bodies[1]["message"]


def test_what_a_paused_route_misses_is_no_alert_and_it_has_its_time_when_it_is_on_again(
    world: World, hook: Hook
) -> None:
    more = "alerts: {notify: [{apprise: pager}], nothing_received: 1h, late: 15m}\nschedule: {cron: '0 * * * *'}\n"
    world.route("orders", more)
    world.look()
    assert world.dags.asked == 0  # Airflow is asked only where something might be wrong
    world.dags.paused = True
    world.look(2 * 3600)
    assert hook.bodies == []
    assert world.dags.asked == 1
    world.dags.paused = False
    world.look()
    assert hook.bodies == []
    world.look(2 * 3600)
    assert [body["title"] for body in hook.bodies] == ["2 alerts: orders"]
    world.dags.unknown = True
    world.look()
    assert [body["title"] for body in hook.bodies][1:] == ["2 resolved: orders"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [(ROUTE + EMAIL + "}\nnonsense: 1\n", True), (ROUTE, False), (ROUTE + "alerts: null\n", False), (None, False)],
    ids=["broken", "without", "null", "no file"],
)
def test_what_is_not_asked_for_any_more_is_forgotten_but_not_what_a_broken_file_hides(
    world: World, mailbox: Mailbox, text: str | None, kept: bool
) -> None:
    world.route("orders", EMAIL + "}")
    world.look()
    world.run("orders", "bad")
    world.look()
    file = world.folder / "orders.yaml"
    file.unlink() if text is None else file.write_text(text)
    world.look()
    with open_ledger() as ledger:
        assert (("orders", "failure") in known.read(ledger)) is kept
    assert len(mailbox.mails) == 1


def test_targets_in_the_defaults_serve_all_routes(world: World, mailbox: Mailbox) -> None:
    (world.folder / "_defaults.yaml").write_text(EMAIL + ", late: 15m}\n")
    world.route("orders", "")
    world.route("stock", "alerts: {failure: false}\n")
    world.look()
    for name in ("orders", "stock"):
        world.run(name, "bad")
    world.look()
    assert subjects(mailbox) == ["ALERT orders: a run failed"]


def test_flapping_is_told_together(world: World, mailbox: Mailbox) -> None:
    world.route("orders", EMAIL + "}")
    world.look()
    for verdict in ("bad", None) * 3:
        world.run("orders", verdict)
        world.look()
    world.look(QUIET)
    assert subjects(mailbox) == [
        "ALERT orders: a run failed",
        "RESOLVED orders: a run failed",
        "PASSED orders: a run failed",
    ]
    assert "2 times" in mailbox.html()[2]


def test_when_time_is_up_the_rest_is_told_the_next_time(
    world: World, hook: Hook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.route("orders", "alerts: {notify: [{apprise: pager}]}")
    world.look()
    world.run("orders", "bad")
    with monkeypatch.context() as patched:
        patched.setattr(alerts, "BUDGET_SECONDS", 0.0)
        world.look()
    assert hook.bodies == []
    assert "no time left to notify apprise pager of the alerts" in caplog.text
    world.look()
    assert [body["title"] for body in hook.bodies] == ["ALERT orders: a run failed"]


@pytest.fixture
def statsd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    with listening(monkeypatch) as listener:
        yield listener


def test_what_waits_at_a_source_is_a_gauge_and_an_alert(
    world: World, hook: Hook, statsd: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = str(tmp_path / "shop.db")
    with sqlite3.connect(place) as made:
        made.execute("CREATE TABLE outbox (id integer PRIMARY KEY, payload text, taken_at text)")
        made.execute("INSERT INTO outbox (payload) VALUES ('1'), ('2'), ('3')")
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", json.dumps({"conn_type": "sqlite", "host": place}))
    listen = "{sql_outbox: {connection: shop_db, table: outbox, payload: payload, taken: {time: taken_at}}}"
    alerts = "{notify: [{apprise: pager}], source_behind: {rows: 2}}"
    text = f"entity: {{key: entity.id}}\ntrigger: {{listen: {listen}}}\noutgoing: {{none: {{}}}}\nalerts: {alerts}\n"
    (world.folder / "outbox.yaml").write_text(text)
    (world.folder / "gone.yaml").write_text(text.replace("shop_db", "nowhere"))
    world.look()
    assert "3 rows wait at the source, more than 2" in json.dumps(hook.bodies)
    assert [(sent.tag("route"), sent.value) for sent in statsd.named("integrations.source.rows")] == [("outbox", 3.0)]


def test_fields_that_differ_are_an_alert_until_they_are_accepted(world: World, mailbox: Mailbox) -> None:
    world.route("orders", EMAIL + "}\ncontract: {learn: 1}")
    world.route("others", EMAIL + "}")
    world.look()
    for record in ({"total": 1}, {"total": "1"}):
        with open_ledger() as ledger:
            seen = Seen(learned_of(ledger, "orders") or Learned())
            seen.look(record)
            seen.counted()

            def change(learned: Learned, seen: Seen = seen) -> Learned:
                return learn_from(learned, seen, ContractOptions(learn=1), run_id="r", began=0.0, now=world.now)

            change_learned(ledger, "orders", change, world.now)
    world.look()
    assert subjects(mailbox) == ["ALERT orders: the source's fields have changed"]
    assert "total is text, and was number" in mailbox.html()[0]
    with open_ledger() as ledger:
        assert ("others", "contract") not in known.read(ledger)
        accept_drift(ledger, "orders", [], "jane", world.now)
    world.look()
    assert subjects(mailbox)[1:] == ["RESOLVED orders: the source's fields have changed"]


def test_the_gauges_tell_what_waits_and_what_fires(world: World, hook: Hook, statsd: Listener) -> None:
    world.route("orders", "alerts: {notify: [{apprise: pager}]}")
    world.look()
    later = Outcome(key="1", status="retrying", reason="away", error_class="outage", since=START, next_attempt=START)
    world.run("orders", "bad", [later])
    with open_ledger() as ledger:
        reference = find_run(ledger, "orders", "run 1")
        assert reference is not None
        note_outage(ledger, reference.route_id, until=world.now + 3600)
    statsd.heard().clear()
    world.look(60)
    told: dict[str, Callable[[Any], Any]] = {
        "integrations.queue.depth": lambda sent: sent.tag("status"),
        "integrations.alerts.firing": lambda sent: sent.tag("alert"),
        "integrations.notifications": lambda sent: (sent.tag("target"), sent.tag("outcome")),
    }
    found = {name: {by(sent): sent.value for sent in statsd.named(name)} for name, by in told.items()}
    nothing = dict.fromkeys(["pending", "in_doubt", "waiting", "rejected", "failed"], 0.0)
    assert found == {
        "integrations.queue.depth": {**nothing, "retrying": 1.0},
        "integrations.alerts.firing": {"failure": 1.0},
        "integrations.notifications": {("apprise", "sent"): 1.0},
    }
    assert [sent.value for sent in statsd.named("integrations.queue.oldest_age")] == [181.0]
    assert [sent.value for sent in statsd.named("integrations.circuit.open")] == [1.0]

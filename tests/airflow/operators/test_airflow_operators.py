from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import RetryAction
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped
from airflow_tasks import task_of

from airflow_integrations.airflow import FetchOperator, PushOperator, build_dag
from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.config.ledger import open_ledger
from airflow_integrations.airflow.operators import base
from airflow_integrations.airflow.operators.retry_policy import OutageRetry
from airflow_integrations.engine.broken_stage import broken_off
from airflow_integrations.errors import AnswerError, OutageError, SetupError
from airflow_integrations.http import Answer, Request
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import begin_run, route_state
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest, SegmentRef
from airflow_integrations.window import EPOCH, Window

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PAID = {"number": 1, "status": "paid"}
OPEN = {"number": 2, "status": "open"}
KEYLESS = {"status": "paid"}


@pytest.fixture
def run(make_route: Callable[..., Any], make_context: Callable[..., Any]) -> Callable[..., Any]:
    """Run one stage of a route's DAG; the stages of a test belong to one run."""
    dags: dict[str, Any] = {}

    def run(stage: str, *entities: Any, **changes: Any) -> Any:
        key = repr(changes)
        dag = dags.setdefault(key, build_dag(make_route(**changes)))
        context = make_context(dag, conf={"entities": list(entities)}, run_after=NOW)
        try:
            return task_of(dag, stage).execute(context)
        except BaseException as error:
            error.ti = context["ti"]  # type: ignore[attr-defined]
            raise

    return run


def test_the_stages_pass_paths_and_counts_only(run: Callable[..., Any], tmp_path: Path) -> None:
    fetched = run("fetch", PAID, OPEN)
    assert fetched["entities"] == 2
    assert fetched["counts"]["fetched"] == 2
    assert Path(fetched["manifest"]).is_relative_to(tmp_path / "staging" / "orders")
    assert run("transform", PAID, OPEN)["counts"]["filtered"] == 1
    assert run("push", PAID, OPEN)["entities"] == 1
    counts = run("settle", PAID, OPEN)["counts"]
    assert counts["fetched"] == 2
    assert counts["filtered"] == 1


@pytest.mark.parametrize("held", [False, True])
def test_where_fetch_finds_nothing_the_rest_is_skipped_and_nothing_is_left_but_what_is_needed(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, held: bool
) -> None:
    async def nothing(run: Any, services: Any, staging: Any) -> Manifest:
        window = run.window.dump()
        manifest = Manifest(
            route=run.route.route, run_id=run.run_id, stage="fetch", route_hash="", window=window, complete=True
        )
        manifest.held = [SegmentRef("held-0-00000.jsonl.zst", 1, 10)] if held else []
        staging.save(manifest)
        return manifest

    monkeypatch.setattr("airflow_integrations.engine.fetch.fetch.fetch", nothing)
    with pytest.raises(DownstreamTasksSkipped) as caught:
        run("fetch", PAID)
    assert set(caught.value.tasks) == {"transform", "push", "settle"}
    assert caught.value.ti.pushed["return_value"]["entities"] == 0  # type: ignore[attr-defined]
    assert any((tmp_path / "staging").rglob("*.json")) == held
    with open_ledger() as ledger:
        from airflow_integrations.ledger.queries.overview import runs

        (books,) = runs(ledger, "orders").runs
        assert books.finished is not None


def test_where_all_was_rejected_settle_still_judges(run: Callable[..., Any]) -> None:
    with pytest.raises(DownstreamTasksSkipped) as caught:
        run("fetch", KEYLESS)
    assert set(caught.value.tasks) == {"transform", "push"}
    with pytest.raises(AirflowFailException, match="1 rejected"):
        run("settle", KEYLESS)


def test_where_all_was_filtered_push_is_skipped_and_the_books_balance(run: Callable[..., Any]) -> None:
    run("fetch", OPEN)
    with pytest.raises(DownstreamTasksSkipped) as caught:
        run("transform", OPEN)
    assert caught.value.tasks == ["push"]
    assert run("settle", OPEN)["counts"]["filtered"] == 1


def test_settle_fails_with_the_counts_where_a_stage_did_not_end(run: Callable[..., Any]) -> None:
    run("fetch", PAID)
    with pytest.raises(AirflowFailException, match="transform was not finished") as caught:
        run("settle", PAID)
    assert caught.value.ti.pushed["return_value"]["counts"]["pending"] == 1  # type: ignore[attr-defined]


def test_stages_of_two_definitions_do_not_mix(run: Callable[..., Any]) -> None:
    run("fetch", PAID, OPEN)
    assert run("transform", PAID, OPEN, transform=[])["counts"]["filtered"] == 1


def test_a_conf_that_cannot_be_used_fails_at_once(
    make_route: Callable[..., Any], make_context: Callable[..., Any]
) -> None:
    dag = build_dag(make_route())
    with pytest.raises(AirflowFailException, match="'limits' is unknown"):
        task_of(dag, "fetch").execute(make_context(dag, conf={"limits": 1}, run_after=NOW))


@pytest.mark.parametrize("error", [SetupError("no Connection 'shop'"), AnswerError("HTML for JSON")])
def test_what_no_retry_mends_fails_the_task_with_the_text_alone(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def fail(*_: Any, **__: Any) -> Manifest:
        raise error

    monkeypatch.setattr("airflow_integrations.engine.fetch.fetch.fetch", fail)
    with pytest.raises(AirflowFailException) as caught:
        run("fetch", PAID)
    assert str(caught.value) == str(error)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_the_log_has_the_answer_that_a_stage_met(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    content = b"<p>" + b"nothing of use " * 200 + b"REASON</p>"
    answer = Answer(500, {}, content, "https://shop.example/", Request("GET", "/"), redact=lambda text: text)

    async def fail(*_: Any, **__: Any) -> Manifest:
        raise OutageError("the shop is away", status=500, answer=answer)

    monkeypatch.setattr("airflow_integrations.engine.fetch.fetch.fetch", fail)
    with pytest.raises(OutageError, match="the shop is away"):
        run("fetch", PAID)
    (line,) = (line for line in caplog.messages if line.startswith("The answer was: HTTP 500 Internal Server Error: "))
    assert line.endswith("REASON</p>")
    kept = broken_off(Staging(settings.staging_base(), "orders", "manual__1"))
    assert kept is not None
    assert (kept.stage, kept.answer) == ("fetch", line.removeprefix("The answer was: "))


def test_an_outage_is_left_to_airflows_retry(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any, **__: Any) -> Manifest:
        raise OutageError("the shop is away", retry_after=90)

    monkeypatch.setattr("airflow_integrations.engine.fetch.fetch.fetch", fail)
    with pytest.raises(OutageError, match="the shop is away"):
        run("fetch", PAID)


def test_the_pause_before_a_retry_is_what_the_server_asked_for() -> None:
    context: Any = {"task": type("Task", (), {"retry_delay": timedelta(seconds=60)})()}
    policy = OutageRetry()
    asked = policy.evaluate(OutageError("away", retry_after=90), 1, 3, context)
    assert (asked.action, asked.retry_delay) == (RetryAction.RETRY, timedelta(seconds=90))
    assert policy.evaluate(OutageError("away", retry_after=90), 2, 3, context).action is RetryAction.DEFAULT
    assert policy.evaluate(OutageError("away"), 1, 3, context).action is RetryAction.DEFAULT
    assert policy.evaluate(ValueError("a fault"), 1, 3, context).action is RetryAction.DEFAULT
    assert policy.evaluate(OutageError("away", retry_after=1e9), 1, 3, None).retry_delay == timedelta(hours=6)


def test_sigterm_gives_work_under_way_a_moment(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    async def deliver(
        run: Any, services: Any, staging: Any, stop: asyncio.Event, *, final: bool, **how: Any
    ) -> Manifest:
        begun.set()
        await stop.wait()
        await asyncio.sleep(0.05)  # the batch under way hears its answer
        raise OutageError("push was asked to stop; 3 entities are not sent yet")

    monkeypatch.setattr("airflow_integrations.engine.push.push.push", deliver)
    _on_sigterm_kill(monkeypatch, begun)
    with pytest.raises(OutageError, match="3 entities are not sent yet"):
        run("push", PAID)


def test_sigterm_gives_up_what_does_not_end(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    async def hang(*_: Any, **__: Any) -> Manifest:
        begun.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError

    monkeypatch.setattr("airflow_integrations.engine.fetch.fetch.fetch", hang)
    monkeypatch.setattr(base, "STAGE_SECONDS", 0.05)
    _on_sigterm_kill(monkeypatch, begun)
    with pytest.raises(OutageError, match="fetch was stopped; the next attempt goes on"):
        run("fetch", PAID)
    assert cancelled.is_set()


def _on_sigterm_kill(monkeypatch: pytest.MonkeyPatch, begun: threading.Event) -> None:
    """As Airflow's task process does: SIGTERM calls ``on_kill`` of the task, between any two instructions.

    The signal goes to another thread, so that it does not interrupt what the main thread waits for: that is how it is
    when it comes in the instant before the wait begins.
    """
    running: list[Any] = []
    execute = base.RouteOperator.run_until_stopped

    def remember(self: Any, *arguments: Any) -> Any:
        running.append(self)
        before = signal.signal(signal.SIGTERM, lambda *_: running[-1].on_kill())

        def kill() -> None:
            if begun.wait(60):
                signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            return execute(self, *arguments)
        finally:
            killer.join()
            signal.signal(signal.SIGTERM, before)

    monkeypatch.setattr(base.RouteOperator, "run_until_stopped", remember)


def test_a_kill_before_the_work_began_stops_it(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "STAGE_SECONDS", 0.01)
    dag_work = FetchOperator.work

    def killed(self: Any, *arguments: Any) -> Any:
        self.on_kill()
        return dag_work(self, *arguments)

    async def hang(*_: Any, **__: Any) -> Manifest:
        await asyncio.sleep(3600)
        raise AssertionError

    monkeypatch.setattr("airflow_integrations.engine.fetch.fetch.fetch", hang)
    monkeypatch.setattr(FetchOperator, "work", killed)
    with pytest.raises(OutageError, match="was stopped"):
        run("fetch", PAID)


def test_a_run_that_confirms_does_nothing_else(
    make_route: Callable[..., Any], make_context: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    from airflow_integrations.ledger.queries.entities import where

    window = Window(EPOCH, NOW)
    with open_ledger() as ledger:
        known = begin_run(
            ledger, "orders", "before", kind="manual", window=window, route_hash="x", staging="", now=NOW.timestamp()
        )
        outcomes = [Outcome(key=key, status="waiting", hash="h", version="1") for key in ("1", "2")]
        conclude(ledger, known, outcomes, now=NOW.timestamp())
    dag = build_dag(make_route())
    told = [{"key": "1", "target_id": "T-1"}, {"key": "2", "failed": "no such customer"}, {"key": "3"}]
    context = make_context(dag, conf={"confirm": told}, run_after=NOW)
    with pytest.raises(DownstreamTasksSkipped) as caught:
        task_of(dag, "fetch").execute(context)
    assert set(caught.value.tasks) == {"transform", "push", "settle"}
    assert context["ti"].pushed["return_value"] == {"counts": {"delivered": 1, "failed": 1}}
    assert task_of(dag, "push").execute(make_context(dag, conf={"confirm": told}, run_after=NOW)) is None
    with open_ledger() as ledger:
        one, two = (where(ledger, "orders", key, NOW.timestamp()) for key in ("1", "2"))
        assert one is not None
        assert two is not None
        assert (one.status, one.target_id, two.status) == ("delivered", "T-1", "failed")
    assert "the ledger has none with this key, status and error: 3" in caplog.text
    with pytest.raises(AirflowFailException, match="nothing could be confirmed"):
        task_of(dag, "fetch").execute(make_context(dag, conf={"confirm": told}, run_after=NOW))
    with pytest.raises(AirflowFailException, match=r"none of the 3 entities .* was confirmed"):  # settle ends the run
        task_of(dag, "settle").execute(make_context(dag, conf={"confirm": told}, run_after=NOW))


@pytest.mark.parametrize(("attempt", "final"), [(1, False), (3, False), (4, True)])
def test_push_knows_whether_it_is_the_last_try(
    make_route: Callable[..., Any],
    make_context: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    attempt: int,
    final: bool,
) -> None:
    said = []

    async def push(*_: Any, final: bool, **how: Any) -> Manifest:
        said.append(final)
        raise OutageError("away")

    monkeypatch.setattr("airflow_integrations.engine.push.push.push", push)
    dag = build_dag(make_route())
    context = make_context(dag, run_after=NOW)
    context["ti"].try_number, context["ti"].max_tries = attempt, 3
    with pytest.raises(OutageError):
        task_of(dag, "push").execute(context)
    assert said == [final]


@pytest.mark.parametrize(("attempt", "opened"), [(1, False), (3, False), (4, True)])
def test_an_outage_that_transforms_last_try_meets_opens_the_circuit(
    make_route: Callable[..., Any],
    make_context: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    attempt: int,
    opened: bool,
) -> None:
    async def transform(*_: Any, **how: Any) -> Manifest:
        raise OutageError("the CRM is away")

    monkeypatch.setattr("airflow_integrations.engine.transform.transform.transform", transform)
    dag = build_dag(make_route())
    context = make_context(dag, run_after=NOW)
    context["ti"].try_number, context["ti"].max_tries = attempt, 3
    with pytest.raises(OutageError, match="the CRM is away"):
        task_of(dag, "transform").execute(context)
    with open_ledger() as ledger:
        assert (route_state(ledger, "orders").circuit_until > 0) is opened


@pytest.mark.parametrize(
    ("run_type", "kind"),
    [("scheduled", "scheduled"), ("backfill", "backfill"), ("asset_triggered", "asset"), ("manual", "manual")],
)
def test_the_engine_hears_what_kind_of_run_it_is(
    make_route: Callable[..., Any],
    make_context: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    run_type: str,
    kind: str,
) -> None:
    heard: list[Any] = []

    async def fetch(run: Any, *_: Any) -> Manifest:
        heard.append(run)
        raise OutageError("away")

    monkeypatch.setattr("airflow_integrations.engine.fetch.fetch.fetch", fetch)
    dag = build_dag(make_route())
    context = make_context(dag, run_after=NOW, data_interval_start=EPOCH, data_interval_end=NOW)
    context["dag_run"].run_type = DagRunType(run_type)  # as a task gets it
    with pytest.raises(OutageError):
        task_of(dag, "fetch").execute(context)
    (run,) = heard
    assert (run.kind, run.interval, run.explicit, run.retry) == (kind, Window(EPOCH, NOW), False, None)


def test_operators_work_by_hand_in_any_dag(
    make_route: Callable[..., Any], make_context: Callable[..., Any], tmp_path: Path
) -> None:
    from airflow.sdk import DAG

    with DAG("by_hand", params={"theirs": 1}) as dag:
        fetch = FetchOperator(task_id="get", route=make_route(), staging=str(tmp_path / "own"))
        other = FetchOperator(task_id="get_other", route=make_route(route="others"), staging=str(tmp_path / "own"))
        fetch >> PushOperator(task_id="send", route=make_route(), staging=str(tmp_path / "own"))
    conf = {"entities": [PAID], "theirs": 2}
    results = [task.execute(make_context(dag, conf=conf, run_after=NOW)) for task in (fetch, other)]
    folders = {Path(result["manifest"]).parent for result in results}
    assert folders == {tmp_path / "own" / f"by_hand.{name}" / "manual__1" for name in ("orders", "others")}

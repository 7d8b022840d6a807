from __future__ import annotations

import base64
import json

from cli_servers import PASSWORD


def test_all_is_well(call, routes, systems):
    code, out, _ = call("doctor")
    assert code == 0
    assert f"tried HEAD http://127.0.0.1:{systems.port}/: answered 200; signed in by basic authentication" in out
    assert "written, read and removed a file" in out
    assert all(heard.headers["Authorization"].startswith("Basic ") for heard in systems.heard)


def test_staging_is_left_as_it_was(call, routes, systems, tmp_path):
    call("doctor", "--offline")
    assert list((tmp_path / "staging").rglob("*")) == []


def test_refused_credentials(call, routes, systems):
    systems.head_status = 401
    code, out, _ = call("doctor")
    assert code == 1
    assert "check the credentials of Connection 'source'" in out
    assert len(systems.heard) == 2  # one each: no retries


def test_a_method_that_is_not_allowed_is_asked_otherwise(call, routes, systems):
    systems.head_status = 405
    code, out, _ = call("doctor")
    assert code == 0
    assert "tried GET" in out
    assert "whether it takes basic authentication this address does not tell" in out


def test_a_missing_and_an_unreachable_connection(call, routes, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_SOURCE", '{"conn_type": "http", "host": "http://127.0.0.1:9"}')
    monkeypatch.delenv("AIRFLOW_CONN_TARGET", raising=False)
    code, out, _ = call("doctor")
    assert code == 1
    assert "there is no Connection 'target'" in out
    assert "tried HEAD http://127.0.0.1:9/" in out


def test_a_clock_that_is_wrong(call, routes, systems):
    systems.date = "Thu, 01 Jan 2026 00:00:00 GMT"
    code, out, _ = call("doctor")
    assert code == 0
    assert "behind ours: windows and tokens go by it" in " ".join(out.split())


def test_offline_sends_nothing(call, routes, systems):
    code, out, _ = call("doctor", "--offline")
    assert code == 0
    assert "no request was sent" in out
    assert systems.heard == []


def test_staging_that_cannot_be_written(call, routes, systems, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__STAGING", str(tmp_path / "file"))
    code, out, _ = call("doctor", "--offline")
    assert code == 1
    assert "cannot be written and read" in out


def test_the_ledger(call, routes, systems, tmp_path):
    call("run", "orders")
    code, out, _ = call("doctor", "--offline")
    told = " ".join(out.split())
    assert code == 0
    assert "5 entities (0 open) of 1 run" in told


def test_the_ledger_is_called_what_it_is(monkeypatch, tmp_path):
    from airflow_integrations.cli.airflow_access import ledger_place

    assert ledger_place() == "SQLite, Connection test_ledger"
    url = {"conn_type": "postgres", "host": "db", "schema": "ledger", "password": "s3cret"}
    monkeypatch.setenv("AIRFLOW_CONN_TEST_LEDGER", json.dumps(url))
    assert ledger_place() == "PostgreSQL, Connection test_ledger"
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION", "there_is_none")
    assert ledger_place() == "Connection there_is_none"
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION", "")
    assert ledger_place().startswith("SQLite, /")


def test_a_ledger_that_other_machines_do_not_see(call, routes, systems, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    code, out, _ = call("doctor", "--offline")
    assert code == 1
    assert "ledger_connection = integrations_ledger" in " ".join(out.split())


def test_a_ledger_that_is_away(call, routes, systems, monkeypatch):
    address = "postgresql://me:hunter2@127.0.0.1:9/books"
    monkeypatch.setenv("AIRFLOW_CONN_TEST_LEDGER", address)
    code, out, _ = call("doctor", "--offline")
    assert code == 1
    assert "Connection test_ledger" in " ".join(out.split())
    assert "hunter2" not in out


def test_a_limit_of_staging_that_is_none(call, routes, systems, monkeypatch):
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__STAGING_MAX_BYTES", "much")
    code, out, _ = call("doctor", "--offline")
    assert code == 1
    assert "is a size such as 20GB" in " ".join(out.split())


def test_mistakes_in_routes(call, routes, systems, edit):
    edit(routes / "orders.yaml", "style: cursor", "style: cusor")
    code, out, _ = call("doctor", "--offline")
    assert code == 1
    assert "1 mistake in 1 file" in out


def test_the_report_holds_no_secrets_and_no_addresses(call, routes, systems, monkeypatch):
    for status in (200, 401, 500):
        systems.head_status = status
        _, out, err = call("doctor", "--report")
        assert "| check | result |" in out
        assert "- apache-airflow 3." in out
        for secret in (PASSWORD, base64.b64encode(f"me:{PASSWORD}".encode()).decode(), "127.0.0.1", str(systems.port)):
            assert secret not in out + err


def test_connections_of_queues_webhooks_and_alerts(call, routes, monkeypatch):
    (routes / "paid.yaml").write_text(
        "trigger:\n"
        "  webhook: {path: paid, verify: {hmac: {header: X-S, secret: [hook_old, hook_new]}}}\n"
        "  listen: {rabbitmq: {connection: rabbit, queue: paid}}\n"
        "alerts: {failure: true, notify: [{slack: ops_slack}, {email: ops@example.com}]}\n"
        "entity: {name: order, key: order.number}\n"
        "outgoing: {http: {connection: target, path: /x}}\n"
    )
    monkeypatch.setenv("AIRFLOW_CONN_HOOK_OLD", '{"conn_type": "generic"}')
    monkeypatch.setenv("AIRFLOW_CONN_HOOK_NEW", '{"conn_type": "generic", "password": "s3cret-hook"}')
    monkeypatch.setenv("AIRFLOW_CONN_RABBIT", '{"conn_type": "amqp", "host": "127.0.0.1", "password": "s3cret-amqp"}')
    code, out, err = call("doctor")
    told = " ".join(out.split())
    assert code == 1
    assert "it has no password, which is a webhook's secret (used by paid)" in told
    assert told.count("it is there: ") == 2
    assert "there is no Connection 'ops_slack'" in told
    assert "there is no Connection 'smtp_default'" in told
    assert "s3cret" not in out + err


def test_connections_of_files(call, routes, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_PARTNER", '{"conn_type": "sftp", "host": "sftp.example"}')
    (routes / "prices.yaml").write_text(
        "entity: {name: price, key: price.sku}\n"
        "incoming: {files: {connection: partner, path: /out/*.csv}}\n"
        "outgoing: {files: {connection: partner_in, path: /in/prices.csv}}\n"
    )
    told = " ".join(call("doctor")[1].split())
    assert "Connection partner it is there; airflow-integrations validate --online lists" in told
    assert "there is no Connection 'partner_in'" in told


def test_pools_need_a_database(call, routes):
    code, _, err = call("pools", "create")
    assert code == 1
    assert "airflow db migrate" in err
    assert call("pools", "create", "--slots", "0")[0] == 2


def test_consumers_hold_slots(call, routes, monkeypatch):
    (routes / "live.yaml").write_text(
        "entity: {key: entity.id}\ntrigger: {latency: low}\noutgoing: {none: {}}\n", encoding="utf-8"
    )
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "8")
    _, out, _ = call("doctor", "--offline")
    assert "1 of low latency: 1 of 8 slots are taken for ever, 2 while consumers change" in " ".join(out.split())
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "2")
    _, out, _ = call("doctor", "--offline")
    assert "raise [core] parallelism, or nothing else runs then" in " ".join(out.split())


def test_without_consumers_nothing_is_said_of_them(call, routes):
    _, out, _ = call("doctor", "--offline")
    assert "of low latency" not in out


def test_cursors_and_marks_in_the_future_or_of_an_odd_kind(call, routes, systems, edit):
    edit(
        routes / "orders.yaml",
        "    pagination:",
        "    cursor: {field: updated_at, param: since, lag: 2m}\n    pagination:",
    )
    call("run", "orders")
    code, out, _ = call("doctor", "--offline")
    assert code == 0
    assert "none is in the future" in " ".join(out.split())
    for value, told in [
        ("2999-01-01T00:00:00Z", "it lies in the future"),
        ("2999-01-01", "it lies in the future"),
        ("253402300799", "it lies in the future"),
        ("253402300799000", "it lies in the future"),
        ("31/01/2026", "the day or month comes before the year"),
        ("2026-1-5", "a month, day or hour below 10 has one digit"),
        ("7654321", "incoming.cursor.lag is a duration"),
    ]:
        assert call("cursor", "set", "orders", value)[0] == 0
        code, out, _ = call("doctor", "--offline")
        assert code == 0
        text = " ".join(out.split())
        assert value in text
        assert told in text
        assert "airflow-integrations cursor set orders VALUE" in text
        assert value not in call("doctor", "--offline", "--report")[1]
    assert call("cursor", "clear", "orders")[0] == 0
    assert call("cursor", "set", "orders", "--mark", "2999-01-01T00:00:00Z")[0] == 0
    text = " ".join(call("doctor", "--offline")[1].split())
    assert "mark of orders" in text
    assert "2999-01-01T00:00:00Z lies in the future" in text
    assert "cursor of orders" not in text


def test_a_server_without_head_is_asked_otherwise(call, routes, systems):
    systems.head_status = 501
    code, out, _ = call("doctor")
    assert code == 0
    assert f"tried GET http://127.0.0.1:{systems.port}/: answered 405" in " ".join(out.split())


def test_a_broker_that_a_route_sends_to(call, routes, systems, monkeypatch):
    (routes / "out.yaml").write_text(
        "entity: {name: order, key: order.id}\n"
        "incoming: {http: {connection: source, path: /orders, records: body.orders}}\n"
        "outgoing: {rabbitmq: {connection: rabbit, queue: orders}}\n"
    )
    monkeypatch.setenv("AIRFLOW_CONN_RABBIT", '{"conn_type": "amqp", "host": "127.0.0.1", "port": 9}')
    code, out, err = call("doctor")
    told = " ".join(out.split())
    assert code == 1
    assert "rabbit: RabbitMQ cannot be reached: connection refused: 127.0.0.1:9" in told
    assert "type http" not in told
    assert "Traceback" not in out + err
    assert "it was not connected to" in " ".join(call("doctor", "--offline")[1].split())

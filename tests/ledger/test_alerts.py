from __future__ import annotations

from airflow_integrations.ledger import alerts
from airflow_integrations.ledger.alerts import AlertState, Told

STATE = AlertState(1.5, 2.5, since=3.5, over=1.0, detail="é", targets={"email a@b by smtp": Told(True, 4.5, 2, 1)})


def test_what_is_written_is_read(database):
    assert alerts.read(database) == {}
    alerts.write(database, {("orders", "failure"): STATE, ("orders", "late"): AlertState(0.0, 0.0)})
    assert alerts.read(database) == {("orders", "failure"): STATE, ("orders", "late"): AlertState(0.0, 0.0)}


def test_it_replaces_what_was_known_and_leaves_the_rest(database):
    alerts.write(database, {("orders", "failure"): STATE, ("stock", "failure"): STATE})
    alerts.write(database, {("orders", "failure"): AlertState(9.0, 9.0)})
    alerts.write(database, {})
    assert alerts.read(database) == {("orders", "failure"): AlertState(9.0, 9.0), ("stock", "failure"): STATE}


def test_what_is_not_looked_at_any_more_is_forgotten(database):
    alerts.write(database, {("orders", "failure"): STATE, ("orders", "late"): STATE})
    alerts.forget(database, [("orders", "late"), ("never", "known")])
    alerts.forget(database, [])
    assert set(alerts.read(database)) == {("orders", "failure")}

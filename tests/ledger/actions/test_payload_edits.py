"""Payloads that people mend, on both databases."""

from __future__ import annotations

import pytest
from ledger_rows import NOW, Rows

from airflow_integrations.errors import RunError
from airflow_integrations.ledger.actions.payload_edits import LARGEST_PAYLOAD, edit
from airflow_integrations.ledger.storage.database import Database

BY = "cli:ana"


@pytest.fixture
def rows(database: Database) -> Rows:
    return Rows(database)


def test_an_edited_payload_keeps_every_digit(rows):
    rows.open("1", "failed")
    edit(rows.database, "orders", "1", '{\n "price": 12345678901234567890.10,\n "é": "\\n"}', BY, NOW)
    edit(rows.database, "orders", "1", '{"price": 1.10}', "cli:bob", NOW + 1)
    assert rows.overlays() == {"1": '{"price":1.10}'}
    assert rows.of("1").status == "failed"
    assert [action.what for action in rows.actions()] == ["edit", "edit"]


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ("[1]", "one JSON object"),
        ('{"a": }', "invalid JSON at line 1: "),
        ('{\n  "a": 1\n  "b": 2\n}', "invalid JSON at line 3: expected ',' or '}'"),
        ('{\n  "a": 1,\n', "invalid JSON at line 2: Input data was truncated"),
        ("", "invalid JSON at line 1: "),
        ('{"a": NaN}', "invalid JSON at line 1: "),
        ('{"a": "\\u0000"}', "U\\+0000"),
        ('{"a": "\ud83d"}', "surrogate"),
        ('{"a": "' + "x" * LARGEST_PAYLOAD + '"}', "at most 1048576"),
    ],
)
def test_what_is_no_payload_is_not_kept(rows, payload, told):
    rows.open("1", "failed")
    with pytest.raises(RunError, match=told):
        edit(rows.database, "orders", "1", payload, BY, NOW)
    assert rows.overlays() == {}


def test_only_open_entities_are_edited(rows):
    rows.entity("1", "delivered")
    rows.open("2", "failed", payload_run=None, payload_stage=None, payload_at=None)
    for key, told in (("1", "1 is delivered"), ("2", "no payload"), ("3", "does not know 3")):
        with pytest.raises(RunError, match=told):
            edit(rows.database, "orders", key, "{}", BY, NOW)

"""One table says what each status means; what others need of it they read."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import airflow_integrations
from airflow_integrations.ledger import status
from airflow_integrations.ledger.status import CLOSED, DECIDED, FATES, KEPT, OUTCOMES, STATUSES, TRANSITIONS, WRONG

PACKAGE = Path(airflow_integrations.__file__).parent
TOLD = {
    name: frozenset(getattr(status, name))
    for name in ("CLOSED", "DECIDED", "KEPT", "LEFT_BY_PUSH", "LEFT_BY_TRANSFORM", "OUTCOMES", "STATUSES", "WRONG")
}


def test_every_status_has_a_row() -> None:
    assert set(FATES) == set(STATUSES) == set(TRANSITIONS) - {None}


def test_what_is_closed_needs_nobody_and_no_payload() -> None:
    assert CLOSED.isdisjoint(WRONG)
    assert set(STATUSES) == CLOSED | KEPT
    assert set(DECIDED) >= set(WRONG)
    assert set(STATUSES) - set(OUTCOMES) == {"in_flight"}


def test_nobody_types_a_part_of_the_table_again() -> None:
    again = []
    for path in PACKAGE.rglob("*.py"):
        if path == PACKAGE / "ledger" / "status.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Tuple | ast.List | ast.Set):
                typed = frozenset(e.value for e in node.elts if isinstance(e, ast.Constant) and type(e.value) is str)
                again += [f"{path}:{node.lineno} is {name}" for name, told in TOLD.items() if typed == told]
    assert not again


@pytest.mark.parametrize("name", STATUSES)
def test_an_entity_that_has_left_the_run_can_begin_again(name: status.Status) -> None:
    if FATES[name].left_by is not None:
        assert "pending" in TRANSITIONS[name]

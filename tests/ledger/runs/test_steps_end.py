"""Steps that the target has confirmed of a state, and other content that was sent behind them."""

from __future__ import annotations

import secrets

import pytest
from ledger_runs import begin

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.ledger.runs.claims import note_unanswered
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.progress import known_progress

A, B = "a" * 32, "b" * 32


@pytest.fixture
def ledger(ledger_url: str):
    with Ledger.open(ledger_url) as opened:
        yield opened


@pytest.mark.parametrize(("sent", "kept"), [(A, {"1": (A, "{}"), "2": (A, "{}")}), (B, {"2": (A, "{}")})])
def test_what_is_unanswered_ends_the_steps_of_other_content(
    ledger: Ledger, sent: str, kept: dict[str, tuple[str, str]]
) -> None:
    """Also where the attempt that sent it is not over: another run may take the key before the next one."""
    ref = begin(ledger, "run", secrets.token_hex(6))
    conclude(ledger, ref, [Outcome(key=key, status="retrying", hash=A, steps="{}") for key in "12"], now=1.0)
    note_unanswered(ledger, ref, [("1", sent, None), ("unknown", B, None)], now=2.0)
    assert known_progress(ledger, ref, ["1", "2", "unknown"]) == kept

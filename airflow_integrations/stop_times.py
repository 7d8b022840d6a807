"""How a stage divides its last seconds after Airflow's SIGTERM, so that it ends before it is killed."""

from __future__ import annotations

__all__ = ["AIRFLOW_KILLS_AFTER", "ANSWER_SECONDS", "BREAK_OFF_SECONDS", "STAGE_SECONDS"]

AIRFLOW_KILLS_AFTER = 5.0
"""Its supervisor sends SIGKILL so long after SIGTERM (3.3: ``escalation_delay`` of ``WatchedSubprocess.kill``)."""
ANSWER_SECONDS = 3.0
"""Batches in flight get so long to be answered; what is not answered then is *unanswered*."""
STAGE_SECONDS = ANSWER_SECONDS + 0.5
"""The stage as a whole gets so long: it also writes its books."""
BREAK_OFF_SECONDS = 1.0
"""What is broken off then gets so long to close its files and connections."""

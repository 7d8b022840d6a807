"""The answer that broke a stage off: kept in staging until the stage begins anew or comes to its end."""

from __future__ import annotations

from typing import NamedTuple, get_args

from airflow_integrations.display.exchange import answer_behind
from airflow_integrations.errors import IntegrationError
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import StagingStage

__all__ = ["BrokenOff", "broken_off", "keep_answer"]


class BrokenOff(NamedTuple):
    """Which stage it was, and what the answer said: up to 4 KB on one line, without the Connection's secrets."""

    stage: str
    answer: str


def keep_answer(staging: Staging, stage: str, error: IntegrationError) -> str | None:
    """Keep the answer that an error came from, and return it; None where it has none."""
    answer = answer_behind(error)
    if answer is not None and stage in get_args(StagingStage):
        staging.write(f"{stage}.answer", answer.encode("utf-8", "replace"))
    return answer


def broken_off(staging: Staging) -> BrokenOff | None:
    """The first stage that has not come to its end and met such an answer."""
    for stage in get_args(StagingStage):
        try:
            answer = (staging.folder / f"{stage}.answer").read_bytes()
        except FileNotFoundError:
            continue
        manifest = staging.manifest(stage)
        if manifest is None or not manifest.complete:
            return BrokenOff(stage, answer.decode("utf-8", "replace"))
    return None

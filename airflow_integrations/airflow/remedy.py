"""What a person does about a red run, in Airflow's words: the button or the command, with what goes into it."""

from __future__ import annotations

import json
import shlex
from typing import Any

from airflow_integrations.engine import Balance
from airflow_integrations.engine.troubles import Troubles
from airflow_integrations.run import Run

__all__ = ["remedy"]


def remedy(run: Run, dag_id: str, balance: Balance, troubles: Troubles) -> list[str]:
    """Lines under the verdict of a run that failed. ``dag_id`` is the DAG that the run is one of."""
    if not balance.balanced:
        return ["→ Please report it: airflow-integrations doctor --report"]
    stage = balance.unfinished or ("push" if balance.counts["pending"] else None)
    if stage:
        return [
            f"→ The log of {stage} says why. When that is mended, clear the task {stage} of this run, with Downstream:",
            "  it goes on where it stopped, and nothing that was delivered is sent again.",
        ]
    lines = []
    if troubles.doubtful:
        lines.append(f"→ Look in the target for {', '.join(troubles.doubtful)}; send again only what it lacks.")
    again = [*troubles.refused, *troubles.doubtful]
    if run.entities is not None:
        lines.append("→ Mend the route or the data, then trigger the DAG with the mended entities.")
    elif any(step.kind == "split" for step in run.route.transform):
        lines.append("→ Mend the route or the data, then trigger the DAG with the keys of what they were split from.")
    elif again:
        start, end = run.window.dump()
        fetched = {"keys": again, "window_start": start, "window_end": end}
        lines += [
            "→ Mend the route or the data, then fetch and send just these: Trigger, with Keys and this window, or",
            _trigger(dag_id, fetched),
        ]
    if again and run.entities is None:
        lines += [
            "→ Or, where the target was at fault, send them again as they are: Trigger, with Retry, or",
            _trigger(dag_id, {"retry": {"keys": again}}),
        ]
    if troubles.untold:
        lines.append(f"→ {troubles.untold} more are not named here: they have no key, or there are too many.")
    return lines


def _trigger(dag_id: str, conf: dict[str, Any]) -> str:
    return f"  airflow dags trigger {shlex.quote(dag_id)} --conf {shlex.quote(json.dumps(conf))}"

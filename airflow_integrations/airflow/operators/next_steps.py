"""Next steps for a red run, in Airflow's words: the button or the command, with its arguments."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_integrations.engine.settle.balance import Balance
    from airflow_integrations.engine.settle.failure_summary import Troubles
    from airflow_integrations.run import Run

__all__ = ["next_steps"]


def next_steps(run: Run, dag_id: str, balance: Balance, troubles: Troubles) -> list[str]:
    """Lines under the verdict of a run that failed. ``dag_id`` is the DAG that the run is one of."""
    tasks = run.route.tasks
    if not balance.balanced:
        return ["→ Please report it: airflow-integrations doctor --report"]
    if balance.changed:
        return [
            f"→ What the route does with data changed since this run fetched. Clear {tasks.to_clear('fetch')}:",
            "  it fetches its window again by the new definition; what was delivered is not sent again.",
        ]
    stage = balance.unfinished or ("push" if balance.counts["pending"] else None)
    if stage and balance.marked:
        return [
            f"→ Somebody marked the task {stage} as success in Airflow; that does not do its work. Clear the task",
            f"  {stage} of this run, with Downstream: it goes on where it stopped, and nothing that was delivered is",
            "  sent again.",
        ]
    from airflow_integrations.route.partitions import fetch_tasks

    several = tasks.pushes if stage == "push" else ("fetch", *fetch_tasks(run.route)) if stage == "fetch" else ()
    if len(several) > 1:
        return [
            f"→ The log of the task that failed, one of {', '.join(several)}, says why. Fix that, then clear that",
            "  task of this run, with Downstream: it goes on where it stopped, and nothing that was delivered is sent",
            "  again.",
        ]
    if stage:
        return [
            f"→ The log of {tasks.task_of(stage)} says why. Fix that, then clear {tasks.to_clear(stage)}:",
            "  it goes on where it stopped, and nothing that was delivered is sent again.",
        ]
    lines = []
    if troubles.in_doubt:
        lines.append(f"→ Look in the target for {', '.join(troubles.in_doubt)}; send again only what it lacks.")
    again = [*troubles.refused, *troubles.in_doubt]
    if run.entities is not None:
        lines.append("→ Fix the route or the data, then trigger the DAG with the corrected entities.")
    elif any(step.kind == "split" for step in run.route.transform):
        lines.append("→ Fix the route or the data, then trigger the DAG with the keys of what they were split from.")
    elif again:
        start, end = run.window.dump()
        fetched = {"keys": again, "window_start": start, "window_end": end}
        lines += [
            "→ Fix the route or the data, then fetch and send just these: Trigger, with Keys and this window, or",
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

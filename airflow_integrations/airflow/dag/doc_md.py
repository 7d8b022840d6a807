"""A route told to people: the ``doc_md`` of its DAG."""

from __future__ import annotations

from airflow_integrations.config.types import duration_text
from airflow_integrations.route.definition import Route, Schedule
from airflow_integrations.route.dump import definition_yaml
from airflow_integrations.route.stage import Stage

__all__ = ["story"]

MAX_CHARACTERS = 60_000
"""Of the definition in a DAG's documentation, which Airflow keeps with each version of the DAG."""


def story(route: Route) -> str:
    """Markdown: what the route does, in words and as YAML."""
    definition = definition_yaml(route)
    if len(definition) > MAX_CHARACTERS:
        definition = definition[:MAX_CHARACTERS] + "\n# … cut: the whole definition is in the route's file\n"
    fence = "```"
    while fence in definition:
        fence += "`"
    steps = [_end(route.incoming), *(step.kind for step in route.transform), _end(route.outgoing)]
    # Lines with code and lines without take turns: the UI's code boxes are taller than its lines.
    facts = [
        f"- **Entity:** {route.entity.name}, known by `{route.entity.key.text}`",
        f"- **Way:** {' → '.join(steps)}",
        f"- **When:** {_when(route)}",
        f"- **Owner:** {route.owner}, **priority:** {route.priority}",
        "- **When a run is red:** the log of settle says which entities are concerned, why, and what to do",
    ]
    opening = [route.description, ""] if route.description else []
    return "\n".join([*opening, *facts, "", f"{fence}yaml", definition.rstrip(), fence])


def _end(stage: Stage) -> str:
    named = getattr(stage.config, "connection", None) or (stage.kind == "route" and stage.config.name)
    return f"{named} ({stage.kind})" if named else stage.kind


def _when(route: Route) -> str:
    times = [] if route.schedule is None else [_rhythm(route.schedule)]
    if route.trigger is not None and route.trigger.assets is not None:
        at = f", or `{route.trigger.at}` ({route.trigger.timezone})" if route.trigger.at else ""
        times.append(f"when this has changed: {route.trigger.assets.words()}{at}")
    if route.incoming.kind == "route":
        answers = route.incoming.config.what == "acknowledgements"
        times.append(f"when {route.incoming.config.name} has {'something to acknowledge' if answers else 'fetched'}")
    return "; ".join(times) or "when it is triggered"


def _rhythm(schedule: Schedule) -> str:
    if schedule.every is not None:
        rhythm = f"every {duration_text(schedule.every)}"
    else:
        rhythm = f"`{schedule.cron}` ({schedule.timezone})"
    return rhythm + (f", from {schedule.start}" if schedule.start else "") + (", caught up" if schedule.catchup else "")

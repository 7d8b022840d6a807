"""The reference of the language as Markdown, written from the code that runs it."""

from __future__ import annotations

from itertools import groupby

from airflow_integrations.expressions.evaluation.methods import METHODS
from airflow_integrations.expressions.functions.catalogue import CATALOGUE
from airflow_integrations.expressions.scopes import SCOPES
from airflow_integrations.expressions.templates.filters import RAW, raw

__all__ = ["markdown"]


def markdown() -> str:
    """The sections of ``docs/reference/expressions.md``."""
    return "\n".join([*_scopes(), *_functions(), *_methods(), *_filters()])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _table(*rows: tuple[str, ...]) -> list[str]:
    head, *body = rows
    return [
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(map(_cell, row))} |" for row in body),
        "",
    ]


def _scopes() -> list[str]:
    where: dict[tuple[str, str], list[str]] = {}
    for scope_name, scope in SCOPES.items():
        for name, doc in scope.names.items():
            where.setdefault((name, doc), []).append(scope_name)
    scopes = ((name, f"{scope.doc}") for name, scope in SCOPES.items())
    names = ((f"`{name}`", doc, ", ".join(in_scopes)) for (name, doc), in_scopes in where.items())
    return [
        "## What is visible where",
        "",
        "A place in a route sees the names of one scope:",
        "",
        *_table(("scope", "is about"), *scopes),
        *_table(("name", "is", "in the scopes"), *names),
    ]


def _functions() -> list[str]:
    lines = ["## Functions", ""]
    for group, functions in groupby(CATALOGUE.values(), key=lambda function: function.group):
        lines += [f"### {group}", ""]
        lines += _table(("function", "gives"), *((f"`{function.usage()}`", function.doc) for function in functions))
    return lines


def _methods() -> list[str]:
    text = ", ".join(f"`{name}`" for name in METHODS[str])
    return [
        "## Methods",
        "",
        f"Text has {text}. Lists have `count` and `index`.",
        "Moments have the fields `year`, `month`, `day`, `hour`, `minute`, `second`, `microsecond`, `quarter`,",
        "`day_of_year` and `week_of_year`; dates those that concern days.",
        "",
    ]


def _filters() -> list[str]:
    missing = ", ".join(f"`{name}`" for name, known in CATALOGUE.items() if known.takes_missing)
    return [
        "## Filters of templates",
        "",
        "Every function is a filter of templates, too: its first argument stands before the `|`, the others in",
        "brackets behind its name. `truncate(order.note, 255)` is `{{ order.note | truncate(255) }}`. A missing value",
        f"is an error, unless the function is for it: {missing}. One filter is not a function:",
        "",
        *_table(("filter", "gives"), (f"`{RAW}`", raw.__doc__ or "")),
    ]

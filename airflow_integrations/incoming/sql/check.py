"""Mistakes in ``incoming.sql`` that show without the database."""

from __future__ import annotations

import re
from collections.abc import Iterator

from airflow_integrations.incoming.sql.options import SqlIncomingConfig
from airflow_integrations.route.definition import Route
from airflow_integrations.sql.statement import SqlText, outside_texts, parameter_mistakes

__all__ = ["check_file", "mistakes"]

Loc = tuple[int | str, ...]


def mistakes(config: SqlIncomingConfig, route: Route) -> Iterator[tuple[Loc, str]]:
    """Places below the configuration, with what is wrong there."""
    for loc, sql in _statements(config):
        for text in parameter_mistakes(sql, route.params):
            yield loc, text
        if route.missing != "ignore" and sql.names & {"window_start", "window_end"}:
            yield (
                loc,
                (
                    "missing: emit needs a source that gives everything every time, and this asks for a window; take "
                    "the window out, or leave missing at ignore"
                ),
            )
        if loc[-1] == "where":
            for text in _condition_mistakes(outside_texts(sql.text)):
                yield loc, text
    clash = sorted(set(config.children) & set(config.columns or ()))
    if clash:
        yield ("children", clash[0]), f"there is a column {clash[0]} as well; call the children something else"


def _condition_mistakes(condition: str) -> Iterator[str]:
    """What no database takes for what was meant."""
    if re.match(r"\s*where\b", condition, re.IGNORECASE):
        yield "the word WHERE is written for you; write the condition alone"
    if found := re.search(r"(?<![<>!:=])(<>|!=|=)\s*null\b", condition, re.IGNORECASE):
        right = "IS NULL" if found[1] == "=" else "IS NOT NULL"
        yield f"nothing equals NULL, not even NULL: write {right} for {found[0]}"


def check_file(config: SqlIncomingConfig) -> Iterator[tuple[Loc, str]]:
    """The same for the query in a file."""
    if config.file is None:
        return
    try:
        SqlText(config.file.path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        yield ("file",), f"{config.file.text}: {error}"


def _statements(config: SqlIncomingConfig) -> Iterator[tuple[Loc, SqlText]]:
    if config.query is not None:
        yield ("query",), config.query
    if config.where is not None:
        yield ("where",), config.where
    for name, child in config.children.items():
        if child.where is not None:
            yield ("children", name, "where"), child.where
    if config.file is not None:
        try:
            yield ("file",), SqlText(config.file.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return

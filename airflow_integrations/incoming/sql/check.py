"""Mistakes in ``incoming.sql`` that show without the database."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_integrations.incoming.sql.options import SqlIncomingConfig
from airflow_integrations.route.definition import Route
from airflow_integrations.sql.statement import SqlText, parameter_mistakes

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
    clash = sorted(set(config.children) & set(config.columns or ()))
    if clash:
        yield ("children", clash[0]), f"there is a column {clash[0]} as well; call the children something else"


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

"""Mistakes in ``incoming.sql`` that show without the database."""

from __future__ import annotations

import re
from collections.abc import Iterator

from airflow_integrations.incoming.sql.options import SqlIncomingConfig
from airflow_integrations.route.definition import Route
from airflow_integrations.sql.statement import SqlText, outside_texts, parameter_mistakes

__all__ = ["check_file", "mistakes"]

Loc = tuple[int | str, ...]

_WRITING = frozenset(["insert", "update", "delete", "merge", "replace", "truncate", "drop", "alter", "create", "grant"])


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
            for text in _condition_mistakes(outside_texts(sql.text), route.entity.name):
                yield loc, text
        elif (why := _not_a_query(sql.text)) is not None:
            yield loc, why
    clash = sorted(set(config.children) & set(config.columns or ()))
    if clash:
        yield ("children", clash[0]), f"there is a column {clash[0]} as well; call the children something else"


def _not_a_query(text: str) -> str | None:
    """What is wrong with a text that reads no rows."""
    if re.fullmatch(r"[\w./\\-]+\.sql", text):
        return f"this is the name of a file; write file: {text}"
    first = re.match(r"\s*(\w+)", outside_texts(text))
    if first and first[1].lower() in _WRITING:
        return f"a query reads rows, and {first[1]} writes; incoming reads in a transaction that cannot write"
    return None


def _condition_mistakes(condition: str, entity: str) -> Iterator[str]:
    """What no database takes for what was meant."""
    if found := re.match(rf"\s*{re.escape(entity)}\.(\w+)", condition):
        yield f"where sees the columns of the table: write {found[1]} for {found[0].strip()}"
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

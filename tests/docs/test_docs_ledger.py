"""docs/operations/ledger.md draws the transitions that the ledger allows, and its commands exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from airflow_integrations.cli import build_parser
from airflow_integrations.ledger.status import INCOMING, OUTCOMES, STATUSES, TRANSITIONS

DOCS = Path(__file__).parents[2] / "docs" / "operations"
PAGE = (DOCS / "ledger.md").read_text(encoding="utf-8")
DIAGRAMS = re.findall(r"^```mermaid\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = sorted(
    {
        found.strip()
        for text in (PAGE, (DOCS / "cli.md").read_text(encoding="utf-8"))
        for found in re.findall(r"(?:^    |`)(airflow-integrations [^`\n]+)", text, re.MULTILINE)
        if not re.search(r"[…\[]|\b[A-Z]{3,}\b", found)
    }
)


def test_every_transition_is_drawn_once_and_no_other():
    drawn = [pair for diagram in DIAGRAMS for pair in re.findall(r"^ +(\S+) --> (\S+)$", diagram, re.MULTILINE)]
    assert len(set(drawn)) == len(drawn)
    begins_again = {(before, "pending") for before in STATUSES if before not in ("pending", "in_flight")}
    assert ("any", "pending") in drawn
    expanded = (set(drawn) - {("any", "pending")}) | begins_again
    assert expanded == {(before or "[*]", after) for before, follow in TRANSITIONS.items() for after in follow}


def test_every_status_is_explained():
    explained = re.findall(r"^\| (\w[\w ]*) \|", PAGE.partition("| status |")[2].partition("\n\n")[0], re.MULTILINE)
    assert sorted(name.replace(" ", "_") for name in explained) == sorted(STATUSES)


def test_the_books_are_those_of_settle():
    books = re.search(r"^    (fetched .*)\n      = (.*)$", PAGE, re.MULTILINE)
    assert books is not None
    left, right = books.groups()
    assert {name.strip().replace(" ", "_") for name in left.split("+")} == set(INCOMING)
    assert {name.strip().replace(" ", "_") for name in right.split("+")} == set(OUTCOMES) - {"pending"}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_as_written(command):
    words = shlex.split(command)[1:]
    build_parser().parse_args(words[: words.index(">")] if ">" in words else words)


def test_commands_were_found():
    assert len(COMMANDS) > 15

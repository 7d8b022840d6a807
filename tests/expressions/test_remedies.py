"""What the tables of remedies tell people to write can be written."""

from __future__ import annotations

import re

import pytest

from airflow_integrations.expressions import Expression, Template
from airflow_integrations.expressions.remedies import templates, words

_PROSE = ("a `", "a loop", "an f-string", "it ", "the ", "| ")
TOLD = [
    *((f"{name}()", remedy.format("order.x")) for name, remedy in words.FOREIGN_FUNCTIONS.items()),
    *((f".{name}()", remedy.format("order.x")) for name, remedy in words.FOREIGN_METHODS.items()),
    *((f"| {name}", f"write {remedy.format('order.x')}") for name, remedy in words.FILTERS.items()),
]


def readable(text: str) -> bool:
    try:
        Expression(text.replace("`", "").replace("…", "x"), "entity")
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(("name", "remedy"), TOLD, ids=[name for name, _ in TOLD])
def test_an_expression_that_is_told_can_be_read(name: str, remedy: str) -> None:
    _, told, text = remedy.partition("write ")
    if told and not text.startswith(_PROSE):
        assert any(readable(text[: end.start()]) for end in re.finditer(r"; |, | for |: | \(|$| alone", text)), text


@pytest.mark.parametrize("name", sorted(templates._CALLS))
def test_a_template_that_is_told_can_be_read(name: str) -> None:
    for text in re.findall(r"\{\{.*?\}\}", templates.call_remedy(name)):
        Template(text)


@pytest.mark.parametrize("name", sorted(templates._FILTERS))
def test_a_filter_that_is_told_exists(name: str) -> None:
    told = templates._FILTERS[name]
    Template("{{ order.x " + (f"| {told} " if told else "") + "}}")

"""docs/design.md names files that exist, and few enough of them to be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import airflow_integrations

PACKAGE = Path(airflow_integrations.__file__).parent
PAGE = (Path(__file__).parents[2] / "docs" / "design.md").read_text(encoding="utf-8")
FILES = sorted(set(re.findall(r"`?([\w/]+\.(?:py|html))\b", PAGE)))
MOST_FOR_AN_ENTITY = 25


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_named_exists(name: str) -> None:
    assert (PACKAGE / name).is_file()


def test_files_were_found() -> None:
    assert len(FILES) > 50


def test_an_entity_can_be_followed() -> None:
    assert len(re.findall(r"^\| \d+ \|", PAGE, re.MULTILINE)) <= MOST_FOR_AN_ENTITY

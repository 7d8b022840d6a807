"""A routes folder on disk, and a route file to break in one place at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from route_definitions import GOOD, Write


@pytest.fixture
def good() -> str:
    """A valid route file that uses most of the language."""
    return GOOD


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A routes folder with the files that the good route names."""
    folder = tmp_path / "routes"
    write_files(
        folder,
        {
            "lookups/tax.csv": "country,code\nES,S1\n",
            "schemas/order.json": '{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}',
        },
    )
    return folder


@pytest.fixture
def write(root: Path) -> Write:
    """Writes files below the routes folder."""

    def files(texts: dict[str, str]) -> Path:
        return write_files(root, texts)

    return files


def write_files(folder: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder

"""Writes the pages of the reference into a folder: ``python -m airflow_integrations.schema.reference FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from airflow_integrations.schema.reference.pages import reference_pages


def main(folder: Path) -> None:
    """Write every page, and remove pages that the reference no longer has."""
    pages = reference_pages()
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m airflow_integrations.schema.reference FOLDER")
    main(Path(sys.argv[1]))

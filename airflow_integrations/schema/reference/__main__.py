"""Writes the pages of the reference into a folder: ``python -m airflow_integrations.schema.reference FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from airflow_integrations.schema.reference.pages import reference_pages


def main(folder: Path) -> None:
    """Write every page, and remove pages that the reference no longer has."""
    pages = reference_pages()
    for old in folder.rglob("*.md"):
        if old.relative_to(folder).as_posix() not in pages:
            old.unlink()
    for name, text in pages.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m airflow_integrations.schema.reference FOLDER")
    main(Path(sys.argv[1]))

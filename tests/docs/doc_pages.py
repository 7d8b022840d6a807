"""What people read of this project: README and the guides. docs/reference is written from the code."""

from __future__ import annotations

from pathlib import Path

TOP = Path(__file__).parents[2]
DOCS = TOP / "docs"
PAGES = [TOP / "README.md", *sorted(page for page in DOCS.rglob("*.md") if DOCS / "reference" not in page.parents)]

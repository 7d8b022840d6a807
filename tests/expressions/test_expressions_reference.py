"""docs/expressions.md holds the reference that the code prints."""

from __future__ import annotations

from pathlib import Path

from airflow_integrations.expressions.reference import markdown

DOCS = Path(__file__).parents[2] / "docs" / "expressions.md"


def test_the_page_holds_the_printed_reference() -> None:
    _, mark, after = DOCS.read_text(encoding="utf-8").partition("<!-- python -m airflow_integrations.expressions -->\n")
    assert mark, "the mark that begins the reference is gone"
    reference, end, _ = after.partition("<!-- end -->")
    assert end, "the mark that ends the reference is gone"
    assert reference == markdown()
    assert "in_eu" in reference
    assert "window" in reference

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from airflow_integrations.config.field_docs import field_docs
from airflow_integrations.config.model import Model


class Base(Model):
    name: str
    """What it is called,
    in a word."""
    size: int = 1
    shape: str = "round"
    """What it looks like."""


class Derived(Base):
    """Not a field's."""

    size: int = 2
    """How much of it."""
    shape: str = "square"
    inner: Base | None = None
    """What it holds."""
    said: Annotated[str, Field(description="As it was said.")] = ""
    """As it was written."""
    aliased: Annotated[str, Field(alias="as")] = ""
    """Under another name."""

    def method(self) -> None:
        """Not a field's either."""


def test_docstrings_are_found_under_their_fields_and_those_of_the_base() -> None:
    assert field_docs(Base) == {"name": "What it is called,\nin a word.", "shape": "What it looks like."}
    assert field_docs(Derived) == {
        "name": "What it is called,\nin a word.",
        "shape": "What it looks like.",
        "size": "How much of it.",
        "inner": "What it holds.",
        "said": "As it was written.",
        "aliased": "Under another name.",
    }


def test_a_model_without_source_has_none() -> None:
    assert field_docs(type("Made", (Model,), {"__annotations__": {"field": int}, "field": 1})) == {}


def test_a_json_schema_holds_them_and_an_explicit_description_wins() -> None:
    options = Derived.model_json_schema(by_alias=True)["properties"]
    assert {name: option.get("description") for name, option in options.items()} == {
        "name": "What it is called,\nin a word.",
        "shape": "What it looks like.",
        "size": "How much of it.",
        "inner": "What it holds.",
        "said": "As it was said.",
        "as": "Under another name.",
    }

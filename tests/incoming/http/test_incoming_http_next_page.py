"""A ``next`` that no answer has, while another field leads on, is told: else the first page would pass for all."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_integrations.incoming.http.next_page import overlooked
from airflow_integrations.incoming.http.pagination import Cursor, NextUrl, PageNumber


def said(body: Any, *, cut: bool = False) -> Any:
    """An answer; ``cut``: only its records were decoded."""
    content = SimpleNamespace(content=json.dumps(body).encode())
    seen = {"data": body["data"]} if cut else body
    return SimpleNamespace(names={"body": seen}, records=[] if cut else None, answer=content)


DATA = {"data": [{"id": 1}]}


def cursor(text: str) -> Any:
    return Cursor.model_validate({"style": "cursor", "next": text, "param": "cursor"})


@pytest.mark.parametrize(
    ("body", "there"),
    [
        ({**DATA, "meta": {"next_cursor": "10"}}, "body.meta.next_cursor"),
        ({**DATA, "nextPageToken": "abc"}, "body.nextPageToken"),
        ({**DATA, "paging": {"cursors": {"after": "x", "before": "y"}}}, "body.paging.cursors.after"),
        ({**DATA, "links": {"next": "https://shop.example/o?page=2", "prev": "https://x"}}, "body.links.next"),
        ({**DATA, "@odata.nextLink": "https://shop.example/o?page=2"}, 'body["@odata.nextLink"]'),
    ],
)
def test_another_field_leads_on(body: dict[str, Any], there: str) -> None:
    for paging in (cursor("body.meta.next"), NextUrl.model_validate({"style": "next_url", "next": "body.meta.next"})):
        for answer in (said(body), said(body, cut=True)):
            told = overlooked(paging, answer)
            assert told is not None
            assert "the answer has no body.meta.next" in told
            assert f"write next: {there}" in told


@pytest.mark.parametrize(
    "body",
    [
        DATA,
        {**DATA, "meta": {"next": None, "next_cursor": "10"}},
        {**DATA, "meta": {"next_cursor": None}},
        {**DATA, "meta": {"next_cursor": ""}},
        {**DATA, "meta": {"has_next": True, "total": 4, "after_count": 3}},
        [1, 2],
        "text",
    ],
)
def test_a_last_page_is_a_last_page(body: Any) -> None:
    assert overlooked(cursor("body.meta.next"), said(body)) is None


def test_only_where_next_is_a_field() -> None:
    names = said({**DATA, "next_cursor": "10"})
    assert overlooked(cursor('body.next or ""'), names) is None
    assert overlooked(cursor('headers["x-next"]'), names) is None
    assert overlooked(PageNumber.model_validate({"style": "page"}), names) is None

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from airflow_integrations.incoming.http.link_header import find_link


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<https://a/?page=2>; rel=next", "https://a/?page=2"),
        ('<https://a/?page=2>; rel="next"', "https://a/?page=2"),
        ('<https://a/>; rel="prev", <https://b/>; rel="next"', "https://b/"),
        ('<https://a/?x=1,2;3>;rel="last next"', "https://a/?x=1,2;3"),
        ('<https://a/>; REL="NEXT"', "https://a/"),
        ('<https://a/>; title="x, <https://evil/>; rel=next", <https://b/>; rel=next', "https://b/"),
        (r'<https://a/>; title="a \" b"; rel=next', "https://a/"),
        ('<https://a/>; rel=prev; rel=next, <https://b/>; rel="next"', "https://b/"),
        ('<https://a/>; rel=next; anchor="/other"', None),
        ("< /orders?page=2 >; rel=next", "/orders?page=2"),
        ("<https://a/>; rel=nextish", None),
        ("<https://a/>", None),
        ("https://a/; rel=next", None),
        ("", None),
    ],
)
def test_links(value, expected):
    assert find_link({"Link": value}, "next") == expected


def test_several_headers_and_none():
    headers = CIMultiDict([("link", "<a>; rel=prev"), ("Link", "<b>; rel=next")])
    assert find_link(headers, "next") == "b"
    assert find_link({}, "next") is None


@given(st.text('<>;,="\\ arelnxt/', max_size=60))
def test_no_header_breaks_it(value):
    found = find_link({"Link": value}, "next")
    assert found is None or f"{found}" in value

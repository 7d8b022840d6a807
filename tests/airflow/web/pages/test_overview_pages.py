"""Many routes are several pages, each of which is there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.airflow.web.pages.overview import PAGE, page_of


@given(st.text(max_size=8) | st.integers(-3, 20).map(str), st.integers(0, 1_000))
def test_whatever_is_asked_shows_a_page_that_has_routes(asked: str, routes: int) -> None:
    number, pages = page_of(asked, routes)
    assert 1 <= number <= pages
    assert (pages - 1) * PAGE < max(routes, 1) <= pages * PAGE
    if asked.isascii() and asked.isdecimal() and 1 <= int(asked) <= pages:
        assert number == int(asked)

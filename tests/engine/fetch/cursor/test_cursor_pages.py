"""Which value of several pages becomes the cursor."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from changing_source import BREAK, Changing, Follower, incoming

from airflow_integrations.engine.fetch.cursor.pages import CursorPages
from airflow_integrations.engine.fetch.cursor.watch import CursorWatch
from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.errors import AnswerError
from airflow_integrations.incoming.http.options import HttpIncomingConfig
from airflow_integrations.route.incremental import Cursor
from airflow_integrations.run import Run
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest, PagesSeen
from airflow_integrations.window import Window

NOW = 1_770_000_000.0
"""2026-02-02T02:40:00Z"""
WINDOW = Window.parse("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
Way = Literal["ordered", "pages", "apart"]


def chosen(pages: list[list[Any]], way: Way = "pages", known: str | None = None, field: str = "at") -> Any:
    """The cursor and the newest value; each page takes ten seconds, and each is read by another attempt."""
    manifest = Manifest(route="r", run_id="r", stage="fetch", route_hash="", window=("", ""))
    seen = PagesSeen(known=known, began=NOW)
    for seconds, page in enumerate(pages, 1):
        read = CursorPages(way, seen, partial(float, 10 * seconds), went_on=False)
        watch = CursorWatch(Cursor(field=field, param="since"), known, NOW, staged=manifest.newest, pages=read)
        watch.see([{field: value} for value in page])
        watch.note(manifest)
        seen = msgspec.json.decode(msgspec.json.encode(manifest), type=Manifest).pages_seen or seen
    return manifest.cursor, manifest.newest


def at(minute: int, second: int = 0) -> str:
    return f"2026-02-01T10:{minute:02d}:{second:02d}Z"


@pytest.mark.parametrize(
    ("pages", "way", "known", "cursor", "newest"),
    [
        ([[3, 9, 1]], "pages", None, "9", "9"),
        ([[3, 9, 1]], "apart", None, None, "9"),
        ([[3, 9, 1]], "apart", "8", "8", "9"),
        ([[3, 1], [9]], "ordered", None, "9", "9"),
        ([[3, 1], [9]], "pages", None, "3", "9"),
        ([[3, 1], [9]], "pages", "5", "5", "9"),
        ([[1, 3], [4, 5], [9]], "pages", None, "5", "9"),
        ([[1, 3], [4, 5], [9], []], "pages", None, "5", "9"),
        ([[1, 3], [5, 4], [9]], "pages", None, "3", "9"),
        ([[], [4, 5]], "pages", None, None, "5"),
        ([["1", "3"], ["4", "5"], ["10"]], "pages", None, "5", "10"),
        ([["1", "3"], ["x", "5"], ["y"]], "pages", None, "3", "y"),
        ([["b"], ["c"], ["d"]], "pages", None, "c", "d"),
        ([], "pages", "5", None, None),
        ([[]], "pages", "5", "5", "5"),
        ([[at(1)], [at(30)], [at(40), at(20)]], "pages", None, at(30), at(40)),
        ([[at(1)], [at(30)], [at(40), at(35), at(39)]], "pages", None, at(30), at(40)),
        ([[at(1)], [at(40)], [at(20), at(38, 39), at(38, 50)]], "pages", None, at(38, 39), at(40)),
        ([[at(1)], [at(40)], [at(20)]], "apart", None, at(20), at(40)),
        ([[at(40)], [at(1)]], "apart", None, at(1), at(40)),
        (
            [["2026-02-01 10:01:00"], ["2026-02-01 10:40:00"]],
            "pages",
            None,
            *["2026-02-01 10:01:00", "2026-02-01 10:40:00"],
        ),
        ([["0001-01-01T00:00:00Z"], [at(5)]], "pages", None, "0001-01-01T00:00:00Z", at(5)),
    ],
)
def test_which_value_becomes_the_cursor(
    pages: list[list[Any]], way: Way, known: str | None, cursor: str | None, newest: str | None
) -> None:
    assert chosen(pages, way, known) == (cursor, newest)


def test_a_number_that_is_a_time_in_the_future_does_not_become_the_cursor_by_the_first_page() -> None:
    found = chosen([[20260131, 99991231], [20260130]], known="20260101", field="updated_at")
    assert found == ("20260101", "20260131"), (
        "the others of the page are not known apart from it: the next run reads them"
    )
    assert chosen([[20260131, 99991231]], known="20260101", field="updated_at") == ("20260131", "20260131")


def test_records_that_are_read_again_say_nothing_of_the_order() -> None:
    read = CursorPages("pages", PagesSeen(known=None, began=NOW), lambda: 0.0, went_on=False)
    watch = CursorWatch(Cursor(field="at", param="since"), None, NOW, pages=read)
    for page, again in ([1, 2], 0), ([2, 3], 1), ([3, 4], 1), ([3, 4, 5], 2):
        watch.see([{"at": value} for value in page], again)
    assert watch.value == "4"


def test_how_http_reads_its_pages() -> None:
    def way(**more: Any) -> str:
        cursor = {"field": "updated_at", "param": "since"}
        made = HttpIncomingConfig.model_validate({"connection": "shop", "path": "/orders", "cursor": cursor, **more})
        return made.cursor_reading

    by = {"style": "keyset", "param": "since", "size": 10}
    assert way() == "pages"
    assert way(pagination={**by, "value": "item.updated_at"}) == "ordered"
    assert way(pagination={**by, "value": "item.updated_at[:19]"}) == "pages"
    assert way(pagination={**by, "value": "item.id"}) == "pages"
    assert way(pagination={**by, "value": "item.updated_at", "order": "descending"}) == "pages"
    assert way(pagination={**by, "value": "item.updated_at"}, details={"path": "/orders/{{ item.id }}"}) == "apart"
    assert way(for_each={"path": "/shops", "records": "body.shops", "name": "shop"}) == "apart"


async def test_a_place_that_an_older_version_saved_says_nothing_of_the_pages_before_it(tmp_path: Path) -> None:
    source = Changing("key", 2, {2: ["K2", "K3", BREAK]})
    for key in ("K2", "K3", "K1"):
        source.write(key)
    async with source.serving() as services:
        follower = Follower(source, {"incoming": incoming("rev")}, services, tmp_path)
        run, staging = Run(follower.route, "run-1", WINDOW), Staging(tmp_path, "orders", "run-1")
        with pytest.raises(AnswerError):
            await fetch(run, services, staging)
        manifest = staging.manifest("fetch")
        assert manifest is not None
        assert manifest.cursor == "3"
        manifest.pages_seen = manifest.newest = None
        staging.save(manifest)
        done = await fetch(run, services, staging)
        assert (done.cursor, done.newest) == (None, "5"), "all of it comes once more"

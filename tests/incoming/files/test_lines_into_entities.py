"""A file with a line for each position of an order: what is delivered are orders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from files_scene import Scene
from pydantic import ValidationError

HEADER = "order_no,customer,sku,qty"
HTTP = {"connection": "shop", "path": "/lines"}


def scene(folder: Path, **group: Any) -> Scene:
    made = Scene(folder, csv={"delimiter": ","}, after={"move": "done"})
    options = {"by": "order_no", "same": ["customer"], **group}
    made.more = {"entity": {"name": "order", "key": "order.order_no", "group": options}}
    return made


def test_files_become_orders_and_are_put_away(tmp_path: Path) -> None:
    orders = scene(tmp_path)
    orders.put("a.csv", "7,ann,x,1", "8,bob,y,1", "7,ann,z,2", header=HEADER)
    orders.put("b.csv", "9,eve,x,1", "8,bob,x,5", header=HEADER)
    assert orders.run() == ["7", "8", "9"]
    assert set(orders.statuses()) == {"7", "8", "9"}
    assert orders.names() == ["done/a.csv", "done/b.csv"]
    orders.put("c.csv", "7,ann,z,2", "7,ann,x,1", "9,eve,x,1", header=HEADER)
    assert orders.run() == ["7", "9"]
    assert orders.names() == ["done/a.csv", "done/b.csv", "done/c.csv"]


def test_a_line_too_few_is_not_delivered_and_the_file_stays(tmp_path: Path) -> None:
    orders = scene(tmp_path)
    rows = ["7,ann,x,1", "7,ann,z,2", "8,bob", "8,bob,y,1", "9,eve,x,1"]
    orders.put("a.csv", *rows, header=HEADER)
    assert orders.run() == ["9"]
    assert [problem.status for problem in orders.problems("run1")] == ["rejected"] * 3
    assert orders.names() == ["a.csv"]
    rows[2] = "8,bob,x,1"
    orders.put("a.csv", *rows, header=HEADER, minutes=-5)
    assert orders.run() == ["7", "8", "9"]
    assert orders.names() == ["done/a.csv"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"incoming": {"none": {}}, "trigger": {"assets": {"uri": "s3://x/y"}}}, "incoming none asks no source"),
        ({"trigger": {"webhook": {"path": "x", "verify": "none", "records": "body"}}}, "an event brings no lines"),
        ({"incoming": {"http": {**HTTP, "pagination": {"style": "page", "param": "p"}}}}, "position"),
        ({"incoming": {"http": {**HTTP, "cursor": {"field": "a", "param": "b"}}}}, "cursor"),
        ({"incoming": {"sql": {"connection": "c", "table": "t", "cursor": {"column": "u", "tie": "i"}}}}, "cursor"),
        ({"entity": {"name": "order", "key": "order.number", "group": {"by": "order_no"}}}, "no field 'number'"),
        ({"entity": {"key": "entity.a", "group": {"by": "a", "same": ["a"]}}}, "leave it out of same"),
        ({"entity": {"key": "entity.a", "group": {"by": ["a", "a"]}}}, "names a twice"),
        ({"entity": {"key": "entity.lines", "group": {"by": "lines"}}}, "give its lines another name"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, more: dict[str, Any], told: str) -> None:
    orders = scene(tmp_path)
    orders.more = {**orders.more, **more}
    with pytest.raises(ValidationError, match=told):
        _ = orders.route

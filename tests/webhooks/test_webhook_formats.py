"""Bodies of other formats than JSON: interchanges, lines of fixed width and CSV are read as files of them are."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from edi_examples import ORDERS, PURCHASE_ORDERS
from webhook_server import Served

Serve = Callable[..., Served]
OPEN = "webhook: {path: open, verify: none, %s}"
EDIFACT = OPEN % (
    "event_id: 'body[0].interchange.reference', edifact: {groups: [{name: lines, start: LIN, until: [UNS]}]}"
)


@pytest.mark.parametrize("kind", ["application/EDIFACT", "application/edifact; charset=us-ascii"])
def test_an_interchange_is_an_event_with_its_messages(serve: Serve, kind: str) -> None:
    served = serve(orders=EDIFACT)
    answer = served.post("open", ORDERS.encode(), {"Content-Type": kind})
    assert (answer.status_code, answer.json()) == (202, {"event": "IREF1", "entities": 2})
    (event,) = served.events()
    first, second = json.loads(event["body"])
    assert (first["message"]["reference"], second["message"]["reference"]) == ("1", "2")
    assert [line["segments"][0]["e3"] for line in first["lines"]] == ["4000862141404", "4000862141412"]
    assert served.post("open", ORDERS.encode(), {"Content-Type": kind}).status_code == 200  # it is known
    assert len(served.events()) == 1


def test_of_an_interchange_that_is_wrong_nothing_is_taken_and_the_sender_hears_why(serve: Serve) -> None:
    served = serve(orders=EDIFACT)
    for broken, why in (
        (ORDERS.replace("UNT+6+2", "UNT+7+2"), "UNT"),
        (ORDERS.replace("UNZ+2", "UNZ+3"), "UNZ"),
        (ORDERS[: ORDERS.index("UNZ")], "interchange"),
        ("{}", ""),
    ):
        answer = served.post("open", broken.encode(), {"Content-Type": "application/EDIFACT"})
        assert answer.status_code == 400
        assert why in answer.text
    assert served.events() == []


def test_x12_fixed_width_and_csv(serve: Serve) -> None:
    columns = "{columns: [{name: id, width: 3}, {name: total, width: 6, type: decimal, places: 2}]}"
    served = serve(
        a="webhook: {path: x12, verify: none}",
        b=f"webhook: {{path: fixed, verify: none, format: fixed_width, fixed_width: {columns}}}",
        c="webhook: {path: csv, verify: none, csv: {delimiter: ';'}}",
    )
    assert served.post("x12", PURCHASE_ORDERS.encode(), {"Content-Type": "application/EDI-X12"}).status_code == 202
    assert served.post("fixed", b"A1 001250\r\nA2 000005\r\n", {"Content-Type": "text/plain"}).status_code == 202
    assert served.post("fixed", b"A1 001250\r\nA2 00x005\r\n").status_code == 400
    assert served.post("csv", b"id;total\n1;2.50\n", {"Content-Type": "text/csv"}).status_code == 202
    bodies = {event["route"]: event["body"] for event in served.events()}
    assert json.loads(bodies["a"])[0]["message"]["type"] == "850"
    assert bodies["b"] == b'[{"id":"A1","total":12.50},{"id":"A2","total":0.05}]'
    assert bodies["c"] == b'[{"id":"1","total":"2.50"}]'


def test_more_records_than_an_event_may_have_are_refused(serve: Serve) -> None:
    columns = "{columns: [{name: a, width: 1}]}"
    served = serve(a=OPEN.replace("open", "f") % f"format: fixed_width, max_records: 2, fixed_width: {columns}")
    assert served.post("f", b"1\n2\n").status_code == 202
    answer = served.post("f", b"1\n2\n3\n")
    assert answer.status_code == 400
    assert "over 2 records" in answer.text or "at most 2" in answer.text

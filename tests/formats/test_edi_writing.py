"""EDIFACT and X12, written: what was read comes back, and what a route may make of an entity."""

from __future__ import annotations

import io
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from edi_examples import ORDERS, PURCHASE_ORDERS
from hypothesis import given
from hypothesis import strategies as st
from test_edi_reading import read

from airflow_integrations.errors import EntityError
from airflow_integrations.formats.edi.output import EdifactOutput, X12Output
from airflow_integrations.formats.edi.writer import EdifactWriter, X12Writer
from airflow_integrations.formats.writing.control import Control

CONTROL = Control(101, 1772359200.0)
EDIFACT = {
    "sender": "5412345000013",
    "sender_qualifier": "14",
    "recipient": "4012345500004",
    "recipient_qualifier": "14",
    "application": "ORDERS",
    "message": {"type": "ORDERS", "association": "EAN008"},
    "line_end": "lf",
}
X12 = {
    "sender": "SENDERISA",
    "recipient": "RECEIVERISA",
    "group_sender": "SENDERGS",
    "group_recipient": "RECEIVERGS",
    "type": "850",
    "group": "PO",
    "test": True,
    "line_end": "lf",
}


def write(options: dict[str, Any], *records: Any) -> bytes:
    out = io.BytesIO()
    writer: EdifactWriter | X12Writer = (
        X12Writer(out, X12Output.model_validate(options), CONTROL)
        if "group" in options
        else EdifactWriter(out, EdifactOutput.model_validate(options), CONTROL)
    )
    for record in records:
        writer.add(SimpleNamespace(value=record, encoded=b""))
    writer.finish()
    return out.getvalue()


def test_what_was_read_is_written_again_to_the_byte() -> None:
    assert write(EDIFACT, *read(ORDERS)).decode() == ORDERS.replace("IREF1", "101")
    assert write(X12, *read(PURCHASE_ORDERS)).decode() == PURCHASE_ORDERS


def test_segments_as_lists_in_lists() -> None:
    lines = [{"sku": "A", "qty": 3, "price": Decimal("1.50")}, {"sku": "B", "qty": Decimal("0.125"), "price": 10**18}]
    order = {
        "segments": [
            ["BGM", "220", "4711", 9],
            ["DTM", ["137", "20260301", "102"]],
            None,
            [
                [
                    ["LIN", number, None, [line["sku"], "SRS"]],
                    ["QTY", ["21", line["qty"]]],
                    ["PRI", ["AAA", line["price"]]],
                ]
                for number, line in enumerate(lines, 1)
            ],
            {"tag": "UNS", "e1": "S"},
        ]
    }
    text = write(EDIFACT, order).decode()
    assert text.splitlines()[2:] == [
        "UNH+1+ORDERS:D:96A:UN:EAN008'",
        "BGM+220+4711+9'",
        "DTM+137:20260301:102'",
        "LIN+1++A:SRS'",
        "QTY+21:3'",
        "PRI+AAA:1.50'",
        "LIN+2++B:SRS'",
        "QTY+21:0.125'",
        "PRI+AAA:1000000000000000000'",
        "UNS+S'",
        "UNT+11+1'",
        "UNZ+1+101'",
    ]


texts = st.text(st.sampled_from("aZ9 +:'?*~>^é"), min_size=1, max_size=8).filter(lambda text: text.strip() == text)


@given(st.lists(st.lists(texts, min_size=1, max_size=3), min_size=1, max_size=4), st.sampled_from(["3", "4"]))
def test_every_text_comes_back_from_edifact(elements: list[list[str]], version: str) -> None:
    written = write(
        {**EDIFACT, "syntax": "UNOY", "syntax_version": version, "line_end": "none"}, {"segments": [["FTX", *elements]]}
    )
    (found,) = read(written, size=13)
    expected = {"tag": "FTX"}
    for number, parts in enumerate(elements, 1):
        expected |= {f"e{number}" if place == 1 else f"e{number}_{place}": part for place, part in enumerate(parts, 1)}
    assert found["segments"] == [expected]
    assert found["interchange"]["reference"] == "101"


def test_repeated_elements_come_back() -> None:
    segments = [{"tag": "FTX", "e1": "A", "e1r2": "B", "e1r3_2": "C", "e3": "D"}]
    assert read(write({**EDIFACT, "syntax_version": "4"}, {"segments": segments}))[0]["segments"] == segments
    assert read(write({**X12, "version": "005010"}, {"segments": segments}))[0]["segments"] == segments
    with pytest.raises(EntityError, match="repeated"):
        write(EDIFACT, {"segments": segments})


@pytest.mark.parametrize(
    ("options", "value", "why"),
    [
        (X12, {"segments": [["REF", "a*b"]]}, r"holds '\*', which separates"),
        (X12, {"segments": [["REF", "é"]]}, "is not a character of ascii"),
        (EDIFACT, {"segments": [["REF", "€"]]}, "is not a character of iso8859-1"),
        (EDIFACT, {"segments": [["REF", "a\nb"]]}, "line end"),
        (EDIFACT, {"segments": [["REF", True]]}, "neither text nor a number"),
        (EDIFACT, {"segments": [["REF", Decimal("NaN")]]}, "too many digits"),
        (EDIFACT, {"segments": [["ref", "1"]]}, "not the tag"),
        (EDIFACT, {"segments": [{"tag": "REF", "one": "1"}]}, "not an element"),
        (EDIFACT, {"segments": [["UNT", "1"]]}, "the route writes this segment itself"),
        (EDIFACT, {"segments": []}, "at least one segment"),
        (EDIFACT, {"lines": []}, "list of segments"),
        (EDIFACT, [["BGM"]], "an object's fields"),
    ],
)
def test_what_cannot_be_written_fails_alone(options: dict[str, Any], value: Any, why: str) -> None:
    out = io.BytesIO()
    writer: EdifactWriter | X12Writer = (
        X12Writer(out, X12Output.model_validate(options), CONTROL)
        if options is X12
        else EdifactWriter(out, EdifactOutput.model_validate(options), CONTROL)
    )
    with pytest.raises(EntityError, match=why):
        writer.add(SimpleNamespace(value=value, encoded=b""))
    assert out.getvalue() == b""
    writer.add(SimpleNamespace(value={"segments": [["REF", "1"]]}, encoded=b""))
    writer.finish()
    assert len(read(out.getvalue())) == 1

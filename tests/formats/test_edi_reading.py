"""EDIFACT and X12, read: their structure, what is compared, and what is bad alone."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from edi_examples import GROUPS, LOOPS, ORDERS, PURCHASE_ORDERS
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.edi.edifact import EdifactReader
from airflow_integrations.formats.edi.options import EdiOptions
from airflow_integrations.formats.edi.reader import MAX_SEGMENT, EdiReader
from airflow_integrations.formats.edi.x12 import X12Reader
from airflow_integrations.formats.records_format import RecordsFormat


def read(content: str | bytes, *, size: int = 4096, rejects: bool = True, **options: Any) -> list[Any]:
    content = content.encode("latin-1") if isinstance(content, str) else content
    kind: type[EdiReader] = X12Reader if b"ISA" in content[:10] else EdifactReader
    encoding = options.pop("encoding", None)
    reader = kind(EdiOptions.model_validate(options), encoding=encoding, rejects=rejects)
    found = [record for at in range(0, len(content), size) for record in reader.feed(content[at : at + size])]
    return found + reader.finish()


def reasons(found: list[Any]) -> list[str]:
    return [each.reason if type(each) is BadRecord else "" for each in found]


def test_an_order_in_edifact() -> None:
    first, second = read(ORDERS, groups=GROUPS)
    assert first["interchange"]["sender"] == "5412345000013"
    assert first["interchange"]["recipient_qualifier"] == "14"
    assert first["message"] == {
        "reference": "1",
        "type": "ORDERS",
        "version": "D",
        "release": "96A",
        "agency": "UN",
        "association": "EAN008",
    }
    assert [each["tag"] for each in first["segments"]] == ["BGM", "DTM", "FTX", "CUX", "UNS", "CNT"]
    assert first["segments"][2]["e4"] == "Deliver to gate 5: ring, don't knock"
    assert [party["segments"][0]["e1"] for party in first["parties"]] == ["BY", "SU"]
    assert first["parties"][0]["segments"][1] == {"tag": "CTA", "e1": "OC", "e2_2": "P FORGET"}
    assert [line["segments"][1]["e1_2"] for line in first["lines"]] == ["48", "12"]
    assert (second["message"]["reference"], second["parties"], len(second["lines"])) == ("2", [], 1)


def test_an_order_in_x12() -> None:
    (order,) = read(PURCHASE_ORDERS, groups=LOOPS)
    assert order["interchange"]["reference"] == "000000101"
    assert (order["interchange"]["sender"], order["interchange"]["test"]) == ("SENDERISA", True)
    assert (order["group"]["type"], order["group"]["version"]) == ("PO", "004010")
    assert order["message"] == {"reference": "0001", "type": "850", "convention": None}
    assert [each["e4"] for line in order["lines"] for each in line["segments"] if each["tag"] == "PO1"] == [
        "9.25",
        "13.79",
    ]
    assert order["parties"][0]["segments"][0]["e2"] == "ACME CORP"
    assert order["segments"][-1] == {"tag": "CTT", "e1": "2"}


def test_groups_in_groups() -> None:
    nested = [
        *GROUPS,
        {"name": "parties", "start": "NAD", "inside": "lines"},
        {"name": "prices", "start": "PRI", "inside": "lines"},
    ]
    text = ORDERS.replace("PRI+AAA:699.84'", "PRI+AAA:699.84'NAD+DP+1'LOC+7'PRI+AAB:1'").replace("UNT+16", "UNT+19")
    first, _ = read(text, groups=nested)
    line = first["lines"][0]
    assert [[each["tag"] for each in party["segments"]] for party in line["parties"]] == [["NAD", "LOC"]]
    assert [price["segments"][0]["e1"] for price in line["prices"]] == ["AAA", "AAB"]
    assert len(first["parties"]) == 2


@given(st.sampled_from([ORDERS, PURCHASE_ORDERS]), st.integers(1, 120), st.sampled_from(["", "\n", "\r\n"]))
def test_where_the_content_is_cut_and_how_lines_end_is_all_the_same(text: str, size: int, end: str) -> None:
    assert read(text.replace("\n", end), size=size) == read(text)


def test_other_separators_a_mark_and_several_interchanges() -> None:
    other = ORDERS.translate(str.maketrans("+:'", "|;~")).replace("UNA;|.?", "UNA;|.?", 1)
    other = other.replace("?;", "?;")
    one = read(ORDERS)
    text = b"\xef\xbb\xbf" + ORDERS.encode() + b"\r\n" + ORDERS.partition("\n")[2].encode()
    assert read(text) == [*one, *one]
    assert [each["message"] for each in read(other)] == [each["message"] for each in one]
    lines = PURCHASE_ORDERS.replace("~\n", "\r\n").replace("*", "|")
    assert read(lines)[0]["segments"] == read(PURCHASE_ORDERS)[0]["segments"]


def test_repeated_elements() -> None:
    text = ORDERS.replace("UNOC:3", "UNOC:4").replace("BGM+220+128576+9'", "BGM+220+A:1*B*C?*:3+9'")
    bgm = read(text)[0]["segments"][0]
    assert bgm == {
        "tag": "BGM",
        "e1": "220",
        "e2": "A",
        "e2_2": "1",
        "e2r2": "B",
        "e2r3": "C*",
        "e2r3_2": "3",
        "e3": "9",
    }
    fifth = PURCHASE_ORDERS.replace("*U*00401*", "*^*00501*").replace("BEG*00*SA*", "BEG*00*SA^SB*")
    assert read(fifth)[0]["segments"][0]["e2r2"] == "SB"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            "UNT+16+1",
            "UNT+15+1",
            "message '1' of interchange 'IREF1' (segments 2 to 17): UNT says 15 segments, and it has 16",
        ),
        ("UNT+16+1", "UNT+16+7", "UNT names '7', and it is '1'"),
        ("UNT+16+1'", "", "message '1' of interchange 'IREF1' (segments 2 to 17): it ends without UNT: 'UNH' came"),
        ("QTY+21:48", "QTY+21:\xff\xfe", ""),
        ("QTY+21:48", "?+21:48", "segment 11: a segment begins with its tag"),
        ("QTY+21:48", "QTY" + "+" * 600, "a segment has over 500 elements"),
    ],
)
def test_a_bad_message_is_bad_alone(before: str, after: str, told: str) -> None:
    found = read(ORDERS.replace(before, after, 1))
    assert found[1]["message"]["reference"] == "2"
    assert len(found) == 2
    assert told in reasons(found)[0]
    if told:
        assert "UNH+1+ORDERS" in found[0].content
        with pytest.raises(ContentError, match=r"UNT|segment"):
            read(ORDERS.replace(before, after, 1), rejects=False)


@pytest.mark.parametrize(
    ("text", "before", "after", "told"),
    [
        (ORDERS, "UNZ+2", "UNZ+3", "segment 24: UNZ says 3 messages, and 2 came"),
        (ORDERS, "UNZ+2+IREF1", "UNZ+2+IREF9", "segment 24: UNZ names 'IREF9', and it is 'IREF1'"),
        (
            ORDERS,
            "UNZ+2+IREF1'",
            "",
            "the content ends in the middle of interchange 'IREF1', without UNZ; is the file complete?",
        ),
        (ORDERS, "UNZ+2+IREF1'\n", "UNX+1'UNZ+2+IREF1'\nrubbish'", "segment 24: 'UNX' came outside of a message"),
        (PURCHASE_ORDERS, "GE*1*", "GE*2*", "segment 13: GE says 2 messages, and 1 came"),
        (PURCHASE_ORDERS, "GE*1*101~\n", "", "segment 13: group '101' ends without GE"),
        (PURCHASE_ORDERS, "IEA*1*000000101", "IEA*1*000000102", "IEA names '000000102', and it is '000000101'"),
    ],
)
def test_what_is_wrong_with_an_interchange_is_told_and_its_messages_are_taken(
    text: str, before: str, after: str, told: str
) -> None:
    good = read(text)
    found = read(text.replace(before, after, 1))
    assert found[: len(good)] == good
    assert told in reasons(found)[len(good)]
    if "names" in told or "says" in told:
        assert read(text.replace(before, after, 1), control="ignore") == good


def test_a_file_that_is_cut_off_anywhere_is_told() -> None:
    for text in (ORDERS, PURCHASE_ORDERS):
        whole = read(text)
        for end in range(0, len(text.rstrip()), 7):
            found = read(text[:end], size=50)
            good = [each for each in found if type(each) is dict]
            assert good == whole[: len(good)]
            assert any(type(each) is BadRecord for each in found)


def test_encodings() -> None:
    text = ORDERS.replace("P FORGET", "P ÉTÉ")
    assert read(text.encode("latin-1"))[0]["segments"]
    assert reasons(read(text.replace("UNOC", "UNOA").encode("latin-1"))) != ["", ""]
    named = read(text.replace("UNOC", "UNOA").encode("cp1252"), encoding="cp1252", groups=GROUPS)
    assert named[0]["parties"][0]["segments"][1]["e2_2"] == "P ÉTÉ"
    assert "say encoding: cp1252" in reasons(read(PURCHASE_ORDERS.replace("ACME", "ÄCME").encode("latin-1")))[0]


def test_an_answer_to_an_interchange_of_ours_is_a_record() -> None:
    isa, rest = PURCHASE_ORDERS.split("\n", 1)
    found = read(f"{isa}\nTA1*000000905*260301*1000*R*023~\n{rest}")
    assert found[0]["message"] == {"reference": "000000905", "type": "TA1"}
    assert found[0]["segments"][0]["e4"] == "R"
    assert found[1]["message"]["type"] == "850"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"  \n",
        b"{}",
        b'{"error": "no"}',
        b"UNA''''''",
        b"UNA:+.? aUNB",
        b"ISA",
        b"ISA*" * 60,
        b"UNB+UNOC:3'",
        b"\0" * 300,
        b"<html></html>",
    ],
)
def test_what_is_no_edi_is_told(content: bytes) -> None:
    for name in ("edifact", "x12"):
        try:
            found = RecordsFormat.model_validate({"format": name}).read(content, None, rejects=True)
        except ContentError:
            continue
        assert found
        assert all(type(each) is BadRecord for each in found)


def test_hostile_content_is_bounded() -> None:
    head = ORDERS.partition("QTY")[0].encode()
    endless = read(head + b"FTX+" + b"x" * (2 * MAX_SEGMENT), size=65536)
    assert "a segment has over 1,048,576 bytes" in reasons(endless)[-1]
    many = head + b"FTX+AAI+++" + b"x" * 500 + b"'"
    many = head + (b"FTX+AAI+++" + b"x" * 500_000 + b"'") * 40 + b"UNT+1+1'UNZ+1+IREF1'"
    large = read(many, size=65536)
    assert "it has over 16,777,216 bytes" in reasons(large)[0]
    assert len(large[0].content) < 300_000
    released = read(head + b"FTX+" + b"?" * 300_000 + b"'" + b"?'" * 100_000, size=65536)
    assert all(type(each) is BadRecord for each in released)


def test_memory_is_flat() -> None:
    una, unb, *_ = ORDERS.split("\n")
    body = ORDERS[ORDERS.index("UNH") : ORDERS.index("UNH+2")].encode()
    reader = EdifactReader(EdiOptions.model_validate({"groups": GROUPS}))
    reader.feed(f"{una}{unb}".encode())
    tracemalloc.start()
    count = sum(len(reader.feed(body * 50)) for _ in range(12))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 600
    assert peak < 2_500_000
    assert reader.feed(b"UNZ+600+IREF1'") + reader.finish() == []


def test_a_group_has_a_name_of_its_own() -> None:
    for groups in (
        [{"name": "segments", "start": "LIN"}],
        [*GROUPS, {"name": "lines", "start": "IMD"}],
        [{"name": "a", "start": "x"}],
    ):
        with pytest.raises(ValidationError):
            EdiOptions.model_validate({"groups": groups})

"""What the sender of an interchange is answered: CONTRL and 997, with the faults that were found."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from edi_examples import ORDERS, PURCHASE_ORDERS
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.errors import EntityError
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.edi.acknowledging import MAX_LISTED, Acknowledging
from airflow_integrations.formats.edi.edifact import EdifactReader
from airflow_integrations.formats.edi.options import EdiOptions
from airflow_integrations.formats.edi.output import EdifactOutput, X12Output
from airflow_integrations.formats.edi.writer import EdifactWriter, X12Writer
from airflow_integrations.formats.edi.x12 import X12Reader
from airflow_integrations.formats.json import encode
from airflow_integrations.formats.writing.control import Control

HEAD = "UNB+UNOC:3+5412345000013:14+4012345500004:14:BRANCH+260301:1000+IREF1'"


def answered(content: str | bytes, *, size: int = 4096, control: str = "check") -> list[dict[str, Any]]:
    content = content.encode("latin-1") if isinstance(content, str) else content
    x12 = b"ISA" in content[:10]
    answers = Acknowledging("x12" if x12 else "edifact")
    kind: Any = X12Reader if x12 else EdifactReader
    reader = kind(EdiOptions.model_validate({"control": control}), rejects=True, answers=answers)
    found: list[dict[str, Any]] = []
    for at in range(0, len(content), size):
        reader.feed(content[at : at + size])
        found += answers.take()
    reader.finish()
    return found + answers.take()


def lines(answer: dict[str, Any]) -> list[str]:
    """The segments as they are written."""
    out = io.BytesIO()
    if answer["standard"] == "x12":
        sent = X12Output.model_validate(
            {"sender": "ME", "recipient": answer["recipient"] or "X", "type": "997", "group": "FA"}
        )
        writer: Any = X12Writer(out, sent, Control(7, 0.0))
    else:
        message = {"type": "CONTRL", "version": "D", "release": "3"}
        options = EdifactOutput.model_validate({"sender": "ME", "recipient": answer["recipient"], "message": message})
        writer = EdifactWriter(out, options, Control(7, 0.0))
    writer.add(SimpleNamespace(value=answer))
    writer.finish()
    end = "~" if answer["standard"] == "x12" else "'"
    written = out.getvalue().decode().split(end)
    begin = next(at for at, line in enumerate(written) if line.startswith(("UNH", "ST*")))
    last = next(at for at, line in enumerate(written) if line.startswith(("UNT", "SE*")))
    return written[begin + 1 : last]


def message(reference: str, *segments: str, kind: str = "ORDERS:D:96A:UN:EAN008", count: int | None = None) -> str:
    count = len(segments) + 2 if count is None else count
    return "".join(f"{each}'" for each in (f"UNH+{reference}+{kind}", *segments, f"UNT+{count}+{reference}"))


def test_an_interchange_without_a_fault() -> None:
    (answer,) = answered(ORDERS)
    assert answer["status"] == "accepted"
    assert (answer["recipient"], answer["sender"]) == ("5412345000013", "4012345500004")
    assert (answer["received"], answer["accepted"]) == (2, 2)
    assert lines(answer) == [
        "UCI+IREF1+5412345000013:14+4012345500004:14+7",
        "UCM+1+ORDERS:D:96A:UN:EAN008+7",
        "UCM+2+ORDERS:D:96A:UN:EAN008+7",
    ]


def test_a_bad_message_is_rejected_and_the_others_are_accepted() -> None:
    good, bad = message("1", "BGM+220+1"), message("2", "BGM+220+2", count=9)
    (answer,) = answered(f"{HEAD}{good}{bad}{message('3', 'BGM+220+3').replace('UNT+3+3', 'UNT+3+x')}UNZ+3+IREF1'")
    assert answer["status"] == "partly accepted"
    assert [each["status"] for each in answer["messages"]] == ["accepted", "rejected", "rejected"]
    assert lines(answer) == [
        "UCI+IREF1+5412345000013:14+4012345500004:14:BRANCH+7",
        "UCM+1+ORDERS:D:96A:UN:EAN008+7",
        "UCM+2+ORDERS:D:96A:UN:EAN008+4+29+UNT",
        "UCM+3+ORDERS:D:96A:UN:EAN008+4+28+UNT",
    ]


def test_a_bad_segment_is_named() -> None:
    content = f"{HEAD}{message('1', 'BGM+220+1', 'FTX+PUR+1++X', 'UNS+S')}UNZ+1+IREF1'".replace("UNOC", "UNOY")
    (answer,) = answered(content.encode().replace(b"++X", b"++\xff"))
    assert lines(answer)[1:] == ["UCM+1+ORDERS:D:96A:UN:EAN008+4", "UCS+3+21"]
    assert answer["status"] == "rejected"
    (answer,) = answered(f"{HEAD}{message('1', 'BGM' + '+' * 700)}UNZ+1+IREF1'")
    assert lines(answer)[1:] == ["UCM+1+ORDERS:D:96A:UN:EAN008+4", "UCS+2+16"]


@pytest.mark.parametrize(
    ("end", "uci"),
    [
        ("UNZ+2+IREF1'", "7+29+UNZ"),
        ("UNZ+1+other'", "7+28+UNZ"),
        ("", "7+13+UNZ"),
        ("BGM+220+1'UNZ+1+IREF1'", "7+33+BGM"),
        ("UNB+UNOC:3+1+2+260301:1000+X'", "7+18"),
    ],
)
def test_what_was_taken_of_a_faulty_interchange_stays_acknowledged(end: str, uci: str) -> None:
    """Or the partner would send it again."""
    (answer,) = answered(f"{HEAD}{message('1', 'BGM+220+1')}{end}")
    assert answer["status"] == "partly accepted"
    first, second = lines(answer)
    assert first.endswith(f"BRANCH+{uci}")
    assert second == "UCM+1+ORDERS:D:96A:UN:EAN008+7"


def test_one_of_which_nothing_was_taken_is_rejected() -> None:
    (answer,) = answered(f"{HEAD}UNH+1+ORDERS:D:96A:UN'BGM+220")
    assert lines(answer) == [
        "UCI+IREF1+5412345000013:14+4012345500004:14:BRANCH+4+13+UNZ",
        "UCM+1+ORDERS:D:96A:UN+4+13+UNT",
    ]


def test_groups_of_edifact() -> None:
    groups = "UNG+ORDERS+A:1+B:14+260301:1000+G1+UN+D:96A'{}UNE+{}+G1'"
    content = HEAD + groups.format(message("1", "BGM+1"), 1) + groups.replace("G1", "G2").format("", 4) + "UNZ+2+IREF1'"
    (answer,) = answered(content)
    assert lines(answer)[1:] == ["UCF+G1+A:1+B:14+7", "UCM+1+ORDERS:D:96A:UN:EAN008+7", "UCF+G2+A:1+B:14+4+29+UNE"]


def test_acknowledgements_are_not_acknowledged() -> None:
    contrl = message("1", "UCI+X+1+2+7", kind="CONTRL:D:3:UN", count=9)
    assert answered(f"{HEAD}{contrl}UNZ+7+IREF1'") == []
    (answer,) = answered(f"{HEAD}{contrl}{message('2', 'BGM+1')}UNZ+2+IREF1'")
    assert [each["reference"] for each in answer["messages"]] == ["2"]
    assert answered(PURCHASE_ORDERS.replace("GS*PO", "GS*FA").replace("ST*850", "ST*997")) == []
    assert answered(PURCHASE_ORDERS.replace("ST*850", "ST*999")) == []
    start = PURCHASE_ORDERS.index("GS*")
    ta1 = f"{PURCHASE_ORDERS[:start]}TA1*000000905*260301*1000*A*000~IEA*0*000000101~"
    assert answered(ta1) == []


def test_a_group_of_x12() -> None:
    (answer,) = answered(PURCHASE_ORDERS)
    assert answer["status"] == "accepted"
    assert answer["recipient"] == "SENDERISA"
    assert answer["group"]["sender"] == "SENDERGS"
    assert lines(answer) == ["AK1*PO*101", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("SE*10*0001", "SE*11*0001", ["AK2*850*0001", "AK5*R*4", "AK9*R*1*1*0"]),
        ("SE*10*0001", "SE*10*0002", ["AK2*850*0001", "AK5*R*3", "AK9*R*1*1*0"]),
        ("SE*10*0001~", "", ["AK2*850*0001", "AK5*R*2", "AK9*R*1*1*0"]),
        ("GE*1*101", "GE*2*101", ["AK2*850*0001", "AK5*A", "AK9*E*2*1*1*5"]),
        ("GE*1*101", "GE*1*102", ["AK2*850*0001", "AK5*A", "AK9*E*1*1*1*4"]),
        ("GE*1*101~", "", ["AK2*850*0001", "AK5*A", "AK9*E*1*1*1*3"]),
        ("CUR*BY", "CUR*\xff", ["AK2*850*0001", "AK3*CUR*3**8", "AK5*R*5", "AK9*R*1*1*0"]),
        ("GE*1*101~\nIEA*1*000000101~", "", ["AK2*850*0001", "AK5*A", "AK9*E*1*1*1*3"]),
    ],
)
def test_faults_of_x12(old: str, new: str, told: list[str]) -> None:
    (answer,) = answered(PURCHASE_ORDERS.replace(old, new))
    assert lines(answer) == ["AK1*PO*101", *told]


def test_some_sets_of_a_group_are_rejected() -> None:
    start, end = PURCHASE_ORDERS.index("ST*"), PURCHASE_ORDERS.index("GE*")
    one = PURCHASE_ORDERS[start:end]
    content = PURCHASE_ORDERS.replace(one, one + one.replace("*0001", "*0002").replace("SE*10", "SE*9"))
    (answer,) = answered(content.replace("GE*1*", "GE*2*"))
    assert lines(answer)[-3:] == ["AK2*850*0002", "AK5*R*4", "AK9*P*2*2*1"]


@pytest.mark.parametrize("content", [ORDERS, PURCHASE_ORDERS])
def test_an_answer_goes_to_nobody_else(content: str) -> None:
    (answer,) = answered(content)
    answer["recipient"] = "SOMEBODY"
    with pytest.raises(EntityError, match=r"it answers an interchange of .*, and this file goes to 'SOMEBODY'"):
        lines(answer)


def test_a_hostile_interchange_is_answered_in_bounds() -> None:
    """Many messages, and references of any length."""
    many = "".join(message(str(number), "BGM+1") for number in range(3 * MAX_LISTED))
    (answer,) = answered(f"{HEAD}{many}{message('9' * 5000, 'BGM+1', count=4)}UNZ+{3 * MAX_LISTED + 1}+IREF1'")
    assert (answer["received"], answer["accepted"]) == (3 * MAX_LISTED + 1, 3 * MAX_LISTED)
    assert len(answer["messages"]) == MAX_LISTED + 1
    assert answer["messages"][-1]["status"] == "rejected"
    assert len(encode(answer)) < 300 * MAX_LISTED
    groups = "".join(f"UNG+ORDERS+A+B+260301:1000+{number}+UN+D:96A'UNE+0+{number}'" for number in range(3000))
    (answer,) = answered(f"{HEAD}{groups}UNZ+3000+IREF1'")
    assert len(answer["segments"]) == 1 + MAX_LISTED


def test_a_file_that_breaks_off_is_answered_as_far_as_it_was_taken() -> None:
    answers = Acknowledging("edifact")
    reader = EdifactReader(EdiOptions(), rejects=True, answers=answers)
    reader.feed(f"{HEAD}{message('1', 'BGM+1')}".encode())
    assert answers.take() == []
    reader.feed(f"{message('2', 'BGM+1')}UNZ+2+IREF1'{HEAD.replace('IREF1', 'IREF2')}".encode())
    first, second = answers.broken_off()
    assert [(each["reference"], each["status"]) for each in first["messages"]] == [("1", "accepted"), ("2", "rejected")]
    assert (first["accepted"], second["status"]) == (1, "rejected")
    assert answers.broken_off() == []


ODD = st.sampled_from(
    ["UNA:+.? '", HEAD, "UNH+1+ORDERS:D:96A:UN'", "UNT+2+1'", "UNZ+1+IREF1'", "UNG+O+A+B+1:1+G+UN+D:96A'", "UNE+1+G'",
     "BGM+1'", "b'", "UNH'", "UNB'", "BGM?", "\xff'", "ISA*"]
)  # fmt: skip


@given(st.lists(ODD, max_size=25), st.integers(1, 40))
def test_whatever_comes_the_answer_agrees_with_what_was_given_out(parts: list[str], size: int) -> None:
    content = "".join([HEAD, *parts])
    answers = Acknowledging("edifact")
    reader = EdifactReader(EdiOptions(), rejects=True, answers=answers)
    raw, found, told = content.encode("latin-1"), [], []
    for at in range(0, len(raw), size):
        found += reader.feed(raw[at : at + size])
        told += answers.take()
    found += reader.finish()
    told += answers.take()
    assert answers.broken_off() == []
    taken = [each for each in found if type(each) is not BadRecord]
    if all(each["interchange"]["sender"] for each in taken):
        assert sum(each["accepted"] for each in told) == len(taken)
    for each in told:
        assert (each["status"] == "accepted") == (not each["faults"] and each["received"] == each["accepted"])
        try:
            lines(each)
        except ContentError:  # pragma: no cover
            raise AssertionError from None
    assert told == answered(content, size=1)

"""Mails through a real mail server: what they say, who gets them, and what becomes of them."""

from __future__ import annotations

import asyncio
import csv
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mail_server import MailServer, mail_server
from publishing_scene import pushed
from pydantic import ValidationError
from topics import Surroundings, Topic, outbounds

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.outgoing import Result
from airflow_integrations.run import Run, Services
from airflow_integrations.testing import OutgoingSuite, Target
from airflow_integrations.testing.conformance.suite_run import WINDOW

ENTITIES = [{"id": number, "mail": f"c{number}@example.com", "total": "1.50"} for number in range(1, 5)]
OPTIONS: dict[str, Any] = {
    "connection": "mail",
    "from": "shop@example.com",
    "to": "{{ entity.mail }}",
    "subject": "Order {{ entity.id }}",
    "text": "Total: {{ entity.total }}",
}
ALL: dict[str, Any] = {
    **OPTIONS,
    "to": ["a@example.com", "b@example.com"],
    "subject": "Orders",
    "text": "{{ entities | length }} orders",
    "per": "run",
    "table": {"columns": {"Number": "item.id", "Note": "item.note"}},
    "attachment": {"name": "orders.csv", "csv": {"columns": ["id", "total"]}},
}


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as made:
        yield made


def send(server: MailServer, entities: Sequence[Any], **options: Any) -> list[Result]:
    topic = Topic("email", OPTIONS, server.at, list)
    return asyncio.run(topic.send(outbounds(entities), **options))


class TestEmail(OutgoingSuite):
    @pytest.fixture
    def target(self, server: MailServer) -> Target:
        def ids() -> list[Any]:
            return [int(str(mail["Subject"]).removeprefix("Order ")) for _, mail in server.got]

        return Target(
            kind="email",
            config=OPTIONS,
            entities=ENTITIES,
            batch=3,
            services=lambda: Services(Surroundings(server.at)),
            received=lambda: [next(one for one in ENTITIES if one["id"] == number) for number in ids()],
            refused={"id": 666, "mail": "nobody"},
            away=lambda: Services(Surroundings(replace(server.at, port=1))),
            keys=lambda: [str(mail["Message-ID"]) for _, mail in server.got],
        )


@pytest.mark.parametrize(
    "entity",
    [
        {"mail": "a@example.com, other@example.com"},
        {"mail": "a@example.com\r\nBcc: other@example.com"},
        {"mail": "a@example.com> <other@example.com"},
        {"mail": '"x" a@example.com'},
        {"mail": "a@exa mple.com"},
        {"mail": ""},
        {"total": "x\r\nBcc: other@example.com"},
        {"total": "x\u2028Bcc: other@example.com"},
        {"total": "x\x0bBcc: other@example.com"},
        {"total": "x\x85Bcc: other@example.com"},
        {"total": "x\x00y"},
    ],
)
def test_a_payload_chooses_neither_recipients_nor_headers(server: MailServer, entity: dict[str, str]) -> None:
    results = send(server, [{**ENTITIES[0], **entity}, ENTITIES[1]], subject="{{ entity.total }}")
    assert [result.status for result in results] == ["failed", "delivered"]
    assert results[0].cause == "unwritable"
    assert [recipients for recipients, _ in server.got] == [["c2@example.com"]]


def test_text_of_any_kind_arrives_as_it_is(server: MailServer) -> None:
    text = "Grüße\r\n.\r\nMAIL FROM:<x@example.com>\r..\n" + "ä" * 2000
    (result,) = send(server, [{**ENTITIES[0], "total": text}], subject="Größe ☃ {{ entity.id }}")
    assert result.status == "delivered"
    ((_, mail),) = server.got
    assert mail["Subject"] == "Größe ☃ 1"
    assert mail.get_content().splitlines() == f"Total: {text}".splitlines()
    assert mail["Auto-Submitted"] == "auto-generated"


def test_one_mail_for_a_run_has_a_table_and_a_file(server: MailServer, tmp_path: Path) -> None:
    entities = [{**entity, "note": "<b>bold & more</b>"} for entity in ENTITIES]
    entities[2]["total"] = {"no": "cell"}
    topic = Topic("email", ALL, server.at, list)
    assert pushed(topic, tmp_path, entities) == {"delivered": 3, "failed": 1}
    ((recipients, mail),) = server.got
    assert recipients == ["a@example.com", "b@example.com"]
    html: Any = mail.get_body(("html",))
    assert "<td>&lt;b&gt;bold &amp; more&lt;/b&gt;</td>" in html.get_content()
    plain: Any = mail.get_body(("plain",))
    assert plain.get_content().splitlines()[0] == "3 orders"
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == "orders.csv"
    content: Any = attached.get_content()
    assert list(csv.DictReader(content.splitlines())) == [{"id": str(number), "total": "1.50"} for number in (1, 2, 4)]


def test_an_attachment_in_any_format(server: MailServer, tmp_path: Path) -> None:
    import io

    import openpyxl
    from lxml import etree

    for name, entities in (("orders.xlsx", [{"id": 1}, {"id": 2}]), ("orders.xml", [{"id": 3}, {"id": 4}])):
        options = {**ALL, "attachment": {"name": name}, "table": None}
        assert pushed(Topic("email", options, server.at, list), tmp_path / name, entities) == {"delivered": 2}
    sheet, document = (next(mail.iter_attachments()) for _, mail in server.got)
    content: Any = sheet.get_content()
    rows: Any = openpyxl.load_workbook(io.BytesIO(content)).active
    assert [[cell.value for cell in row] for row in rows] == [["id"], [1], [2]]
    content = document.get_content()
    assert document.get_content_type() == "application/xml"
    assert etree.fromstring(content).xpath("record/id/text()") == ["3", "4"]


def test_columns_that_differ_make_several_mails_and_lose_nothing(server: MailServer, tmp_path: Path) -> None:
    options = {**ALL, "attachment": {"name": "orders.csv"}, "table": None}
    entities = [{"id": 1, "a": 1}, {"id": 2, "b": 1}, {"id": 3, "b": 1}]
    assert pushed(Topic("email", options, server.at, list), tmp_path, entities) == {"delivered": 3}
    rows = [row for _, mail in server.got for part in mail.iter_attachments() for row in part.get_content().split()[1:]]
    assert sorted(rows) == ["1,1", "2,1", "3,1"]


def test_what_the_server_says_of_a_recipient(server: MailServer) -> None:
    server.answers = {"c1@example.com": "451 later", "c2@example.com": "550 no such user"}
    results = send(server, ENTITIES[:3])
    assert [(result.status, result.cause, result.later) for result in results] == [
        ("failed", "later", True),
        ("failed", "refused", False),
        ("delivered", None, None),
    ]
    assert "550 no such user" in (results[1].reason or "")
    assert [recipients for recipients, _ in server.got] == [["c3@example.com"]]


@pytest.mark.parametrize("rule", ["fail", "skip"])
def test_one_of_several_recipients_is_refused(server: MailServer, rule: str) -> None:
    server.answers = {"cc@example.com": "550 no such user"}
    (result,) = send(server, ENTITIES[:1], cc="cc@example.com", refused_recipients=rule)
    assert "cc@example.com: 550" in (result.reason or "")
    if rule == "fail":
        assert (result.status, server.got) == ("failed", [])
    else:
        assert (result.status, server.got[0][0]) == ("delivered", ["c1@example.com"])


@pytest.mark.parametrize(("said", "later"), [("452 full", True), ("554 spam", False)])
def test_what_the_server_says_of_a_mail(server: MailServer, said: str, later: bool) -> None:
    server.answers = {"data": said}
    (result,) = send(server, ENTITIES[:1])
    assert (result.status, result.later) == ("failed", later)
    assert said in (result.reason or "")


@pytest.mark.parametrize("in_doubt", [None, "resend"])
def test_a_server_that_has_the_mail_and_does_not_say_so(
    server: MailServer, tmp_path: Path, in_doubt: str | None
) -> None:
    server.dies = True
    topic = Topic("email", OPTIONS, server.at, list)
    delivery = {"in_doubt": in_doubt} if in_doubt else None
    assert pushed(topic, tmp_path, ENTITIES[:1], delivery=delivery) == {"in_doubt": 1}
    server.dies = False
    assert pushed(topic, tmp_path, ENTITIES[:1], delivery=delivery) == {"in_doubt": 1}
    assert len(server.got) == 1  # a later run sends it again, where the route says so


def test_a_server_that_goes_away_between_two_mails(server: MailServer) -> None:
    async def both() -> list[Result]:
        topic = Topic("email", OPTIONS, server.at, list)
        route = topic.load()
        outgoing: Any = route.outgoing.component()(route.outgoing.config, route)
        async with topic.services() as services:
            await outgoing.open(Run(route, "one", WINDOW), services)
            server.answers = {"c2@example.com": "421 closing"}
            results = await outgoing.send(outbounds(ENTITIES[:3]))
            server.answers = {}
            results += await outgoing.send(outbounds(ENTITIES[1:3]))
            outgoing._idle[0]._smtp.sock.shutdown(socket.SHUT_RDWR)  # as a server ends one that was idle
            results += await outgoing.send(outbounds(ENTITIES[3:]))
            await outgoing.close()
        return results

    results = asyncio.run(both())
    assert [result.status for result in results] == ["delivered", "pending", "pending", *["delivered"] * 3]
    assert [recipients for recipients, _ in server.got] == [[one["mail"]] for one in ENTITIES]


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize("password", ["right", "wrong"])
def test_the_password_is_the_connections(password: str) -> None:
    with mail_server(login=True) as server:
        server.at = replace(server.at, login="shop", password=password)
        if password == "right":
            assert send(server, ENTITIES[:1])[0].status == "delivered"
        else:
            with pytest.raises(SetupError, match="535"):
                send(server, ENTITIES[:1])


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_no_password_goes_to_a_server_without_tls() -> None:
    with mail_server(login=True) as server:
        server.at = replace(server.at, login="shop", password="right", extra={})
        with pytest.raises(SetupError, match="STARTTLS"):
            send(server, ENTITIES[:1])


def test_nobody_there() -> None:
    with mail_server() as server:
        server.at = replace(server.at, port=1)
        with pytest.raises(OutageError):
            send(server, ENTITIES[:1])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"to": ()}, "somebody who gets it"),
        ({"per": "run"}, "is one entity's"),
        ({"attachment": {"name": "orders.xls"}}, "says nothing of the format"),
        ({"subject": "a\nb"}, "one line"),
        ({"subject": "a\u2028b"}, "one line"),
    ],
)
def test_mistakes(server: MailServer, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Topic("email", OPTIONS, server.at, list).load(**options)

"""Mails of a real IMAP server become events, and are marked when they are in the inbox."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from imap_feed import folder, imap_server, left, mail, put
from listen_scene import event_bodies, listening, records, until
from pydantic import ValidationError

from airflow_integrations.errors import IntegrationError, SetupError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.listen.context import InboxSurroundings
from airflow_integrations.listen.imap import ImapListener
from airflow_integrations.listen.mails import messages_of
from airflow_integrations.queues.broker import Broker
from airflow_integrations.testing import Feed, ListenSuite

__all__ = ["imap_server"]


class TestImap(ListenSuite):
    @pytest.fixture
    def feed(self, imap_server: Broker) -> Iterator[Feed]:
        with folder(imap_server) as feed:
            yield feed


def heard(feed: Feed, *mails: bytes, count: int) -> tuple[list[Any], list[bytes]]:
    """The records and the events that these mails give, when so many events are there."""
    at, name = feed.brokers["broker"], feed.config["folder"]

    async def play() -> tuple[list[Any], list[bytes]]:
        put(at, name, *mails)
        with Ledger.temporary() as ledger:
            async with listening(feed, ledger):
                await until(lambda: len(event_bodies(ledger)) >= count)
            return records(ledger), event_bodies(ledger)

    return asyncio.run(play())


@pytest.mark.parametrize("then", ["seen", "delete", {"move": "-done"}])
def test_what_becomes_of_a_mail_that_was_taken(imap_server: Broker, then: Any) -> None:
    with folder(imap_server, "-done") as feed:
        name = feed.config["folder"]
        moved = isinstance(then, dict)
        feed.config["then"] = {"move": name + "-done"} if moved else then
        got, _ = heard(
            feed, *(mail(("a.csv", b"id\n%d\n" % n), ("b.json", b'{"id": %d}' % n)) for n in (1, 2)), count=2
        )
        assert [one["id"] for one in got] == [1, 2]
        assert left(imap_server, name, "UNSEEN", "UNDELETED") == 0
        assert left(imap_server, name, "UNDELETED") == (2 if then == "seen" else 0)
        assert left(imap_server, name + "-done", "ALL") == (2 if moved else 0)


def test_formats_go_by_the_names_of_attachments(imap_server: Broker) -> None:
    with folder(imap_server, attachments="order*") as feed:
        attached = [
            ("orders.csv", b"id,name\n7,x\n"),
            ("picture.png", b"\x00"),
            ("../../order.xml", b"<o><id>8</id></o>"),
        ]
        feed.config["records"] = "body if subject else []"
        got, _ = heard(feed, mail(*attached), count=2)
        assert got[0] == {"id": "7", "name": "x"}
        assert len(got) == 2


def test_the_mail_itself_is_the_body(imap_server: Broker) -> None:
    with folder(imap_server) as feed:
        del feed.config["attachments"]
        ((told,), _) = heard(feed, mail(("a.bin", b"12345"), subject="Größe", text="Grüße"), count=1)
        assert told["subject"] == "Größe"
        assert told["text"].strip() == "Grüße"
        assert told["from"] == ["shop@example.com"]
        assert told["attachments"] == [{"name": "a.bin", "content_type": "application/octet-stream", "size": 5}]


def test_mails_that_cannot_be_used_hold_nothing_back(imap_server: Broker) -> None:
    with folder(imap_server, max_size=20_000) as feed:
        large = mail(("order.json", b'{"id": "%s"}' % (b"x" * 30_000)))
        got, events = heard(feed, mail(), large, mail(("order.json", b'{"id": 3}')), count=3)
        assert [one["id"] for one in got] == [3]
        reasons = b"".join(body for body in events if body.startswith(b'{"reason"'))
        assert b"has no attachment called *.json" in reasons
        assert b"max_size is 20,000" in reasons
        assert left(imap_server, feed.config["folder"], "UNSEEN") == 0


@pytest.mark.parametrize(
    ("config", "broker", "told"),
    [
        ({}, {"password": "wrong"}, "login"),
        ({"folder": "no-such-folder"}, {}, "no-such-folder"),
        ({"then": {"move": "no-such-folder"}}, {}, "no-such-folder"),
        ({}, {"extra": {}}, "STARTTLS"),
    ],
)
def test_what_an_operator_has_to_mend(imap_server: Broker, config: Any, broker: Any, told: str) -> None:
    with folder(imap_server, **config) as feed, Ledger.temporary() as ledger:
        feed.brokers = {"broker": replace(imap_server, **broker)}

        async def first() -> Any:
            return await anext(feed.make().batches(InboxSurroundings(feed, ledger.inbox, "suite", {})))

        with pytest.raises(SetupError, match=told):
            asyncio.run(first())


def nested(depth: int) -> bytes:
    opened = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(depth))
    return opened + b"Content-Type: text/plain\n\nx\n" * 3


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (nested(400), "parts with parts"),
        (b'Content-Type: multipart/mixed; boundary="b"\n\n' + b"--b\n\nx\n" * 1000 + b"--b--\n", "over 500 parts"),
    ],
)
def test_a_mail_that_costs_more_than_it_weighs_is_not_read(content: bytes, told: str) -> None:
    (message,) = messages_of(content, "m", "INBOX", None)
    assert told in (message.fault or "")


def test_a_workbook_is_told_by_its_name() -> None:
    content = mail(("prices.xlsx", b"PK"), ("order.csv", b"id"))
    workbook, csv = messages_of(content, "m", "INBOX", "*")
    assert workbook.content_type == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert csv.content_type == "text/csv"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe",
        b"Subject: =?nope?q?=FF?=\nFrom: \xff\n\nx",
        b"Content-Type: text/plain; charset=nope\n\n\xff",
        b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!",
        b"Subject: " + b"=?utf-8?q?a?= " * 50_000 + b"\n\n",
        b"X: y\n" * 50_000 + b"\nx",
    ],
)
def test_what_strangers_write_is_read_or_told(content: bytes) -> None:
    (message,) = messages_of(content, "m", "INBOX", None)
    assert message.body or message.fault
    assert len(message.headers) <= 200


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"event_id": "headers['message-id']"}, "take event_id out"),
        ({"folder": 'a"b'}, "pattern"),
        ({"then": {"move": "INBOX"}, "folder": "INBOX"}, "name another one"),
        ({"search": "ALL\r\nx LOGOUT"}, "pattern"),
    ],
)
def test_mistakes(config: Any, told: str) -> None:
    async def nothing(bodies: Any) -> None: ...

    feed = Feed(kind="imap", config={"connection": "c", "attachments": "*"}, publish=nothing)
    with pytest.raises(ValidationError, match=told):
        feed.load(extra=config)


@pytest.mark.parametrize(
    ("config", "broker", "told"),
    [
        ({}, {}, None),
        ({"folder": "Nowhere"}, {}, "Nowhere"),
        ({}, {"password": "wrong"}, "refuses the login"),
        ({}, {"port": 9}, "the mail server cannot be reached: connection refused: check host and port"),
    ],
)
def test_whether_a_mailbox_lets_us_in(imap_server: Broker, config: Any, broker: Any, told: str | None) -> None:
    class Known:
        def broker(self, connection: str) -> Broker:
            return replace(imap_server, **broker)

    asked = ImapListener.Config.model_validate({"connection": "mailbox", **config})
    look = ImapListener.check_online(asked, SimpleNamespace(route="mails"), SimpleNamespace(connections=Known()))  # type: ignore[arg-type]
    if told is None:
        assert asyncio.run(look) == []
        return
    with pytest.raises(IntegrationError, match=told):
        asyncio.run(look)

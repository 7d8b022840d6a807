"""Encrypted files as events: decrypted and unpacked as fetched ones are, and refused as a whole, told once."""

from __future__ import annotations

import asyncio
import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from listen_scene import event_bodies, ids, listening, until
from pgp_keys import HAS_GPG, Partner, the_partner
from pydantic import ValidationError

from airflow_integrations.files.pgp.keyring import Keyring
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.listen.files import FilesListener
from airflow_integrations.testing import Feed


@pytest.fixture(scope="module")
def partner() -> Partner:
    if not HAS_GPG:
        pytest.skip("gpg is not installed here: apt install gnupg")
    return the_partner()


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.temporary() as ledger:
        yield ledger


async def nobody(messages: Any) -> None:
    raise NotImplementedError


def feed(folder: Path, place: Any, **more: Any) -> Feed:
    config = {"path": f"{folder}/*.*", "every": "0.1s", "stable": "0s", "pgp": {"connection": "bank_pgp"}, **more}
    return Feed(kind="files", config=config, publish=nobody, brokers={"bank_pgp": place})


def rows(*numbers: int) -> bytes:
    return b"id\n" + b"".join(b"%d\n" % number for number in numbers)


def numbers(ledger: Ledger) -> list[int]:
    """Of CSV, whose values are texts."""
    return sorted(int(each) for each in ids(ledger))


def heard(feed: Feed, ledger: Ledger, condition: Any, act: Any = None) -> None:
    async def play() -> None:
        async with listening(feed, ledger):
            if act is not None:
                await act()
            await until(condition)

    asyncio.run(play())


def test_they_are_decrypted_unpacked_and_put_away(partner: Partner, ledger: Ledger, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("one.csv", rows(3).decode())
        archive.writestr("two.csv", rows(4).decode())
    (tmp_path / "a.csv.pgp").write_bytes(partner.encrypted(rows(1)))
    (tmp_path / "b.csv.gz.gpg").write_bytes(partner.encrypted(gzip.compress(rows(2))))
    (tmp_path / "c.csv.zip.asc").write_bytes(partner.encrypted(packed.getvalue(), "--armor"))
    listener = feed(tmp_path, partner.place(), then={"move": "done"}, zip_files="*.csv")
    heard(listener, ledger, lambda: len(list((tmp_path / "done").glob("*"))) == 3)
    assert numbers(ledger) == [1, 2, 3, 4]


def test_one_that_is_refused_is_told_once_and_read_when_the_keys_are_mended(
    partner: Partner, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []
    inner = Keyring.decrypted

    def counted(self: Keyring, content: Any, *, signed: bool) -> Any:
        tries.append(1)
        return inner(self, content, signed=signed)

    monkeypatch.setattr(Keyring, "decrypted", counted)
    (tmp_path / "bad.csv.pgp").write_bytes(partner.encrypted(rows(1), by="stranger"))
    brokers = {"bank_pgp": partner.place()}
    listener = feed(tmp_path, None)
    listener.brokers = brokers

    async def mended() -> None:
        await until(lambda: len(event_bodies(ledger)) == 1)
        (tmp_path / "good.csv.pgp").write_bytes(partner.encrypted(rows(2)))
        await until(lambda: 2 in numbers(ledger))
        brokers["bank_pgp"] = partner.place(public_key=partner.public("partner", "stranger"))

    heard(listener, ledger, lambda: 1 in numbers(ledger), mended)
    refused = [body for body in event_bodies(ledger) if b"it is signed with the key" in body]
    assert len(refused) == 1
    assert len(tries) == 3  # not with each look
    assert numbers(ledger) == [1, 2]


def test_keys_that_are_missing_hold_files_back_and_lose_none(partner: Partner, ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "a.csv.pgp").write_bytes(partner.encrypted(rows(1)))
    brokers = {"bank_pgp": partner.place(password="wrong")}
    listener = feed(tmp_path, None, then="delete")
    listener.brokers = brokers

    async def mended() -> None:
        assert event_bodies(ledger) == []
        brokers["bank_pgp"] = partner.place()

    heard(listener, ledger, lambda: numbers(ledger) == [1], mended)


def test_the_ending_of_encrypted_files_needs_keys(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="the ending of path is that of encrypted files"):
        FilesListener.Config.model_validate({"path": f"{tmp_path}/*.csv.pgp"})

"""Files that are encrypted with OpenPGP, exchanged with the real gpg."""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pgp_keys import PASSPHRASE, Partner

from airflow_integrations.errors import SetupError
from airflow_integrations.files.pgp import home
from airflow_integrations.files.pgp.keyring import Keyring
from airflow_integrations.files.pgp.verdict import RefusedFile

CONTENT = b"sku,price\nA-1,19.90\n" * 50


@pytest.fixture
def folders(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the keys stand while they are in use. The path is short, for the sockets of gpg's agent."""
    with tempfile.TemporaryDirectory(prefix="pgp") as short:
        monkeypatch.setattr(home, "_IN_MEMORY", Path(short))
        yield Path(short)


@pytest.fixture
def keyring(partner: Partner) -> Iterator[Callable[..., Keyring]]:
    made: list[Keyring] = []

    def make(**place: Any) -> Keyring:
        made.append(Keyring(partner.place(**place)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def read(keyring: Keyring, message: bytes, *, signed: bool = True) -> bytes:
    with keyring.decrypted(io.BytesIO(message), signed=signed) as clear:
        return clear.read()


@pytest.mark.parametrize("more", [(), ("--armor",), ("-z", "0"), ("--compress-algo", "bzip2")])
def test_what_the_partner_encrypts_is_read(partner: Partner, keyring: Any, more: tuple[str, ...]) -> None:
    assert read(keyring(), partner.encrypted(CONTENT, *more)) == CONTENT


@pytest.mark.parametrize("content", [b"", b"\r\n\x00\xff", CONTENT])
def test_what_we_encrypt_is_read_by_the_partner(partner: Partner, keyring: Any, tmp_path: Path, content: bytes) -> None:
    for armored, sign in ((False, True), (True, False)):
        source, target = tmp_path / "clear", tmp_path / "target"
        source.write_bytes(content)
        with source.open("rb") as clear, target.open("wb") as out:
            keyring(public_key=partner.public("partner", "stranger")).encrypt(clear, out, sign=sign, armored=armored)
        written = target.read_bytes()
        assert written.startswith(b"-----BEGIN PGP MESSAGE-----") is armored
        assert partner.decrypted(written) == content
        told = partner.gpg("--status-fd", "1", "--output", os.devnull, "--decrypt", content=written)
        assert (b"GOODSIG" in told) is sign
        assert told.count(b"ENC_TO") == 2


def test_several_keys_may_be_given_while_they_change(partner: Partner, keyring: Any) -> None:
    both = keyring(
        private_key=partner.private() + partner.private("stranger"), public_key=partner.public("partner", "stranger")
    )
    assert read(both, partner.encrypted(CONTENT, by="stranger")) == CONTENT
    assert read(both, partner.encrypted(CONTENT, "--local-user", "stranger@example.com")) == CONTENT


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda p: p.encrypted(CONTENT, by=None), "it is not signed; where that is as agreed"),
        (lambda p: p.encrypted(CONTENT, by="stranger"), "which is not public_key of the Connection"),
        (lambda p: p.encrypted(CONTENT, "--local-user", "stranger@example.com"), "which is not public_key"),
        (lambda p: p.encrypted(CONTENT, "--passphrase", PASSPHRASE, by="own"), "which is not public_key"),
        (lambda p: p.encrypted(CONTENT, to="stranger"), "which is not private_key of Connection 'bank_pgp'"),
        (lambda p: p.encrypted(CONTENT)[:-40], "ends in the middle"),
        (lambda p: p.encrypted(os.urandom(100_000))[:50_000], "ends in the middle"),
        (lambda p: p.encrypted(CONTENT)[:20], "it is not encrypted|damaged|ends in the middle"),
        (lambda p: flipped(p.encrypted(os.urandom(10_000)), -3000), "damaged|changed"),
        (lambda p: p.encrypted(CONTENT) + p.encrypted(b"more"), "has something behind its end"),
        (lambda p: p.gpg("--sign", "--local-user", "partner", content=CONTENT), "it is only signed"),
        (lambda p: p.gpg("--clear-sign", "--local-user", "partner", content=CONTENT), "it is not encrypted"),
        (lambda p: p.gpg("--store", content=CONTENT), "it is not encrypted"),
        (lambda p: p.gpg("--passphrase", PASSPHRASE, "--symmetric", content=CONTENT), "encrypted with a password"),
        (lambda p: p.encrypted(CONTENT, "--rfc2440"), "no protection of its integrity"),
        (lambda p: p.encrypted(b"0" * 60_000_000), "at most 300 bytes are taken"),
        (lambda p: p.public("partner").encode(), "it is not encrypted"),
        (lambda p: CONTENT, "it is not encrypted"),
        (lambda p: b"", "it is not encrypted"),
    ],
    ids=[
        *("unsigned", "stranger", "two signatures", "ourselves", "other key", "cut", "cut large", "stub", "changed"),
        *("two messages", "signed alone", "clear text signed", "neither", "password", "no MDC", "bomb"),
        *("a key", "plain", "empty"),
    ],
)
def test_nothing_of_it_is_taken(partner: Partner, keyring: Any, made: Callable[[Partner], bytes], why: str) -> None:
    with pytest.raises(RefusedFile, match=why):
        read(keyring(), made(partner))


def flipped(content: bytes, at: int) -> bytes:
    changed = bytearray(content)
    changed[at] ^= 1
    return bytes(changed)


def test_without_a_check_of_signatures_the_rest_is_checked_all_the_same(partner: Partner, keyring: Any) -> None:
    ours = keyring(public_key=None)
    for by in (None, "partner", "stranger"):
        assert read(ours, partner.encrypted(CONTENT, by=by), signed=False) == CONTENT
    for bad in (partner.encrypted(CONTENT)[:-40], partner.encrypted(CONTENT, "--rfc2440")):
        with pytest.raises(RefusedFile):
            read(ours, bad, signed=False)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ({"private_key": None}, "has no private_key in its extra"),
        ({"public_key": " "}, "has no public_key in its extra"),
        ({"private_key": "-----BEGIN PGP"}, "private_key in its extra is not a key that gpg can read"),
        ({"password": "wrong"}, "its password is not the passphrase of private_key"),
        ({"password": ""}, "its password is not the passphrase of private_key"),
        ({"password": "two\nlines"}, "has a line end"),
    ],
)
def test_what_is_wrong_with_the_connection_is_not_the_files_fault(
    partner: Partner, keyring: Any, place: dict[str, Any], why: str
) -> None:
    with pytest.raises(SetupError, match=why):
        read(keyring(**place), partner.encrypted(CONTENT))


def test_keys_that_are_mixed_up(partner: Partner, keyring: Any, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="public_key in its extra is a private key"):
        read(keyring(public_key=partner.private()), partner.encrypted(CONTENT))
    with pytest.raises(SetupError, match="private_key in its extra is a public key"):
        read(keyring(private_key=partner.public("partner")), partner.encrypted(CONTENT))
    with (tmp_path / "x").open("w+b") as clear, pytest.raises(SetupError, match="the passphrase of private_key"):
        keyring(password="wrong").encrypt(clear, io.BytesIO(), sign=True)


def test_an_escaped_line_end_of_a_form_is_one(partner: Partner, keyring: Any) -> None:
    given = {"private_key": partner.private().replace("\n", "\\n")}
    assert read(keyring(**given), partner.encrypted(CONTENT)) == CONTENT


def test_gpg_is_missing(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    place = partner.place()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SetupError, match="apt install gnupg"):
        Keyring(place)


def test_keys_are_nobody_elses_and_go(partner: Partner, keyring: Any, folders: Path) -> None:
    ours = keyring()
    read(ours, partner.encrypted(CONTENT))
    (folder,) = folders.iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    agents = _agents(folder)
    assert agents
    ours.close()
    assert not list(folders.iterdir())
    assert _wait(lambda: not _agents(folder))


def test_no_secret_is_in_the_process_list(partner: Partner, keyring: Any, tmp_path: Path) -> None:
    ours, seen = keyring(), list[str]()

    class Slow(io.RawIOBase):
        """Looks at the processes while gpg is at work."""

        def write(self, piece: Any) -> int:
            if not seen:
                shown = subprocess.run(["ps", "-eo", "args", "eww"], check=True, capture_output=True, text=True)
                seen.append(shown.stdout)
            return len(piece)

    with (tmp_path / "clear").open("w+b") as clear:
        clear.write(os.urandom(2_000_000))
        clear.seek(0)
        ours.encrypt(clear, Slow(), sign=True)
    assert "--passphrase-fd" in seen[0]
    assert PASSPHRASE not in seen[0]


def test_what_a_killed_process_left_is_removed_by_the_next(partner: Partner, folders: Path, tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from types import SimpleNamespace\n"
        "from airflow_integrations.files.pgp import home; home._IN_MEMORY = Path(sys.argv[1])\n"
        "from airflow_integrations.files.pgp.keyring import Keyring\n"
        "k = Keyring(SimpleNamespace(name='x', password='x', extra={'private_key': sys.stdin.read()}))\n"
        "k.own; os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(folders)], input=partner.private(), text=True, check=False, cwd=Path.cwd()
    )
    (left,) = folders.iterdir()
    assert (left / "private-keys-v1.d").exists()
    other = Keyring(partner.place())
    assert not left.exists()
    assert len(list(folders.iterdir())) == 1
    third = Keyring(partner.place())  # and one that is in use is not
    assert len(list(folders.iterdir())) == 2
    other.close()
    third.close()
    assert _wait(lambda: not _agents(left))


def test_memory_is_flat(partner: Partner, keyring: Any, tmp_path: Path) -> None:
    def peak(size: int) -> int:
        path = tmp_path / "large"
        with path.open("wb") as file:
            for _ in range(size):
                file.write(os.urandom(1024 * 1024))
        ours = keyring(public_key=partner.public("own", "partner"))
        with path.open("rb") as clear, (tmp_path / "large.pgp").open("wb") as out:
            ours.encrypt(clear, out, sign=False)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with (tmp_path / "large.pgp").open("rb") as content, ours.decrypted(content, signed=False) as clear:
            clear.seek(0, 2)
            assert clear.tell() == size * 1024 * 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    peak(4)
    assert peak(32) < 8 * 1024


def _agents(folder: Path) -> list[str]:
    shown = subprocess.run(["ps", "-ewwo", "args"], check=True, capture_output=True, text=True).stdout
    return [line for line in shown.splitlines() if str(folder) in line and "gpg-agent" in line]


def _wait(true: Callable[[], bool]) -> bool:
    for _ in range(100):
        if true():
            return True
        time.sleep(0.05)
    return False

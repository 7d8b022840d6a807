"""Who the server is, and who we are there: host keys, certificates, and no credentials but the Connection's."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from certificates import Authority
from ftp_server import PASSWORD, FtpServer
from sftp_server import SftpServer

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.files.store import FileStore


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a user who has a key of his own and knows no host."""
    folder = tmp_path / "home" / ".ssh"
    folder.mkdir(parents=True)
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(folder / "id_ed25519")
    monkeypatch.setenv("HOME", str(folder.parent))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("sku\n1\n")
    return folder


def found(server: SftpServer | FtpServer, folder: Path, **place: Any) -> list[str]:
    store = FileStore(server.at(folder / "in") + "/*", server.place(**place))
    (file,) = store.list()
    with store.open(file) as content:
        assert content.read() == b"sku\n1\n"
    return [file.path]


def test_a_host_key_is_known_or_nothing_is_sent(tmp_path: Path, sftp: SftpServer, home: Path) -> None:
    assert found(sftp, tmp_path)
    with pytest.raises(SetupError, match=r"the host key of .* is not known\. Compare it") as unknown:
        found(sftp, tmp_path, extra={})
    assert f'"host_key": "{sftp.host_key}"' in str(unknown.value)
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(SetupError, match="another one than the known one"):
        found(sftp, tmp_path, extra={"host_key": other})
    logins = sftp.logins
    line = f"[127.0.0.1]:{sftp.port} {sftp.host_key}\n"
    (tmp_path / "hosts").write_text(line)
    assert found(sftp, tmp_path, extra={"known_hosts": str(tmp_path / "hosts")})
    (home / "known_hosts").write_text(line)
    assert found(sftp, tmp_path, extra={})
    (home / "known_hosts").write_text(f"[127.0.0.1]:{sftp.port} {' '.join(other.split()[:2])}\n")
    with pytest.raises(SetupError, match="another one than the known one"):
        found(sftp, tmp_path, extra={})
    assert found(sftp, tmp_path, extra={"no_host_key_check": "true"})
    assert sftp.logins == logins + 3 == 4


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"host_key": "ssh-ed25519 rubbish"}, "host_key in extra is not a key"),
        ({"known_hosts": "/nothing/there"}, "known_hosts in extra cannot be read"),
        ({"private_key": "rubbish", "no_host_key_check": True}, "private_key in extra is not a private key"),
        ({"key_file": "/nothing/there", "no_host_key_check": True}, "key_file in extra"),
        ({"passwort": "x"}, "passwort in extra is not known for SFTP"),
    ],
    ids=str,
)
def test_mistakes_in_the_extra(tmp_path: Path, sftp: SftpServer, extra: dict[str, Any], message: str) -> None:
    with pytest.raises(SetupError, match=message):
        found(sftp, tmp_path, extra=extra)


def test_only_the_credentials_of_the_connection_are_offered(tmp_path: Path, sftp: SftpServer) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    sftp.known_user_key = key.convert_to_public()
    text = key.export_private_key(passphrase="pass", rounds=1, ignore_few_rounds=True).decode()
    extra = {"host_key": sftp.host_key, "private_key": text}
    with pytest.raises(SetupError, match="needs private_key_passphrase"):
        found(sftp, tmp_path, password=None, extra=extra)
    assert found(sftp, tmp_path, password=None, extra={**extra, "private_key_passphrase": "pass"})
    (tmp_path / "key").write_text(text)
    extra = {"host_key": sftp.host_key, "key_file": str(tmp_path / "key"), "private_key_passphrase": "pass"}
    assert found(sftp, tmp_path, password=None, extra=extra)
    assert set(sftp.offered) == {key.export_public_key().decode().split()[1]}
    with pytest.raises(SetupError, match="refuses the login"):
        found(sftp, tmp_path, password="wrong")  # the key of the user who runs this is not tried
    assert len(set(sftp.offered)) == 1


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@contextmanager
def ftps(folder: Path, certificate: str | None) -> Iterator[FtpServer]:
    server = FtpServer(folder, certificate=certificate)
    try:
        yield server
    finally:
        server.end()


def test_ftp_with_tls(tmp_path: Path, authority: Authority) -> None:
    with ftps(tmp_path, authority.certificate()) as server:
        assert found(server, tmp_path, extra={"tls": True, "ca": authority.ca})
        assert found(server, tmp_path, kind="ftps", extra={"ca": authority.ca})
        assert server.commands[:2] == ["AUTH TLS", "USER me"]


@pytest.mark.parametrize(
    ("host", "days", "known", "message"),
    [
        ("127.0.0.1", 1, False, "local issuer certificate"),
        ("example.org", 1, True, "mismatch"),
        ("127.0.0.1", -1, True, "has expired"),
    ],
    ids=["authority", "host", "expired"],
)
def test_a_certificate_that_is_not_the_right_one(
    tmp_path: Path, authority: Authority, host: str, days: int, known: bool, message: str
) -> None:
    with ftps(tmp_path, authority.certificate(host, days)) as server:
        extra = {"tls": True, **({"ca": authority.ca} if known else {})}
        with pytest.raises(SetupError, match=f"its certificate is refused: .*{message}"):
            found(server, tmp_path, extra=extra)
        assert server.commands == ["AUTH TLS"]
        assert found(server, tmp_path, extra={**extra, "verify": False})


def test_a_server_without_tls_gets_no_password(tmp_path: Path, ftp: FtpServer) -> None:
    with pytest.raises(SetupError, match="offers no TLS, and nothing was sent"):
        found(ftp, tmp_path, extra={"tls": True})
    assert ftp.commands == ["AUTH TLS"]
    with pytest.raises(SetupError, match="is true, false or"):
        found(ftp, tmp_path, extra={"tls": "yes"})
    with pytest.raises(SetupError, match="ftps is FTP with TLS"):
        found(ftp, tmp_path, kind="ftps", extra={"tls": False})


def test_implicit_tls_that_is_cut_is_an_outage(tmp_path: Path, authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def cut() -> None:
            for _ in range(2):
                taken, _ = listening.accept()
                taken.recv(5)
                taken.close()

        threading.Thread(target=cut, daemon=True).start()
        from types import SimpleNamespace

        place = SimpleNamespace(
            name="p", kind="ftp", host="127.0.0.1", port=listening.getsockname()[1], login="me", password=PASSWORD,
            extra={"tls": "implicit"},
        )  # fmt: skip
        with pytest.raises(OutageError):
            FileStore("/in/*", place)

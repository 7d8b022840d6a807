"""Servers of files, each of a test's own: their folder is ``tmp_path``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ftp_server import FtpServer
from pgp_keys import HAS_GPG, Partner, the_partner
from sftp_server import SftpServer
from smb_server import LACKS_SMB, SmbServer


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[SftpServer]:
    server = SftpServer(tmp_path)
    yield server
    server.end()


@pytest.fixture
def ftp(tmp_path: Path) -> Iterator[FtpServer]:
    server = FtpServer(tmp_path)
    yield server
    server.end()


@pytest.fixture
def smb(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmbServer]:
    if LACKS_SMB is not None:
        pytest.skip(LACKS_SMB)
    server = SmbServer(tmp_path, tmp_path_factory.mktemp("samba"))
    yield server
    server.end()


@pytest.fixture(params=["sftp", "ftp", "smb"])
def server(request: pytest.FixtureRequest) -> SftpServer | FtpServer | SmbServer:
    """One after the other."""
    found: SftpServer | FtpServer | SmbServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["sftp", "ftp"])
def answering(request: pytest.FixtureRequest) -> SftpServer | FtpServer:
    """Those in which a test has a say in what is answered."""
    found: SftpServer | FtpServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def partner() -> Partner:
    """Whoever files are exchanged with, and encrypted for."""
    if not HAS_GPG:
        pytest.skip("gpg is not installed here: apt install gnupg")
    return the_partner()

"""Servers of files, each of a test's own: their folder is ``tmp_path``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ftp_server import FtpServer
from pgp_keys import HAS_GPG, Partner, the_partner
from sftp_server import SftpServer


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


@pytest.fixture(params=["sftp", "ftp"])
def server(request: pytest.FixtureRequest) -> SftpServer | FtpServer:
    """One after the other."""
    found: SftpServer | FtpServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def partner() -> Partner:
    """Whoever files are exchanged with, and encrypted for."""
    if not HAS_GPG:
        pytest.skip("gpg is not installed here: apt install gnupg")
    return the_partner()

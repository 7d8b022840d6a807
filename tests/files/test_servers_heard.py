"""A route that waits for files on a server which goes away in between."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from ftp_server import FtpServer
from listen_scene import event_bodies, listening, records, until
from sftp_server import SftpServer
from smb_server import SmbServer

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.testing import Feed


async def nobody(messages: Any) -> None:
    raise NotImplementedError


def test_a_server_that_was_away_is_listened_to_again(
    tmp_path: Path, server: SftpServer | FtpServer | SmbServer
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    there: Any = server.place()
    config = {"path": server.at(folder) + "/*.csv", "connection": "partner", "every": "0.1s", "stable": "0s"}
    feed = Feed(kind="files", config={**config, "then": {"move": "done"}}, brokers={"partner": there}, publish=nobody)

    async def play(ledger: Ledger) -> None:
        async with listening(feed, ledger):
            (folder / "a.csv").write_text("id\n1\n")
            await until(lambda: len(records(ledger)) == 1)
            await asyncio.to_thread(server.stop)
            (folder / "b #1.csv").write_text("id\n2\n3\n")
            await asyncio.sleep(0.3)
            await asyncio.to_thread(server.start)
            await until(lambda: len(records(ledger)) == 3 and (folder / "done" / "b #1.csv").exists())
            if isinstance(server, SftpServer):
                (folder / "out.csv").symlink_to("/etc/hostname")
                await until(lambda: any(b"leads out of the folder" in body for body in event_bodies(ledger)))

    with Ledger.temporary() as ledger:
        asyncio.run(play(ledger))
        assert [record["id"] for record in records(ledger)][:3] == ["1", "2", "3"]
        assert (folder / "done" / "a.csv").exists()

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def sqs_server() -> Iterator[str]:
    """moto's: the protocol over real HTTP."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()

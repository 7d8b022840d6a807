from __future__ import annotations

from collections.abc import Iterator

import pytest
from broker_fixtures import aws_server, kafka_server
from topics import OPENERS, Topic

__all__ = ["aws_server", "kafka_server", "topic"]


@pytest.fixture(params=OPENERS)
def topic(request: pytest.FixtureRequest) -> Iterator[Topic]:
    """A queue, stream or topic of its own, on each system."""
    with OPENERS[request.param](request.getfixturevalue) as made:
        yield made

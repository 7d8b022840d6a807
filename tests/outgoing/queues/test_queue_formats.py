"""Messages in the formats that files are written in."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from publishing_scene import push_killed, pushed
from pydantic import ValidationError
from topics import Topic, outbounds

EDIFACT = {"edifact": {"sender": "US", "recipient": "THEM", "message": {"type": "ORDERS"}}}


@pytest.mark.parametrize("topic", ["rabbitmq", "redis", "mqtt"], indirect=True)
def test_the_entity_in_another_format_and_a_bad_one_alone(topic: Topic) -> None:
    form = {"xml": {"root": "order", "record": None}}
    batch = outbounds([{"id": 1, "name": "a&b"}, {"id": 2, "a b": 1}, {"id": 3}])
    results = asyncio.run(topic.send(batch, body_format=form))
    assert [(result.status, result.cause) for result in results] == [
        ("delivered", None),
        ("failed", "unwritable"),
        ("delivered", None),
    ]
    first, second = topic.received()
    assert first.body.endswith(b"<order><id>1</id><name>a&amp;b</name></order>\n")
    assert second.body.endswith(b"<order><id>3</id></order>\n")
    assert first.headers["content-type"] == "application/xml"


@pytest.mark.parametrize("topic", ["redis"], indirect=True)
def test_the_body_makes_the_records(topic: Topic) -> None:
    options: dict[str, Any] = {"body": {"no": "entity.id"}, "body_format": "csv", "content_type": "text/x-orders"}
    asyncio.run(topic.send(outbounds([{"id": 1}]), **options))
    (found,) = topic.received()
    assert (found.body, found.headers["content-type"]) == (b"no\r\n1\r\n", "text/x-orders")


@pytest.mark.parametrize("topic", ["rabbitmq"], indirect=True)
def test_an_interchange_that_comes_twice_has_the_same_number(topic: Topic, tmp_path: Path) -> None:
    topic.config |= {"body": {"segments": '[["BGM", "220", entity.id]]'}, "body_format": EDIFACT}
    entities = [{"id": number} for number in range(12)]
    push_killed(topic, tmp_path, entities)
    assert pushed(topic, tmp_path, entities) == {"delivered": 12}
    found = topic.received()
    bodies = defaultdict(set)
    for one in found:
        bodies[one.id].add(one.body)
    assert len(found) > len(bodies) == 12
    assert all(len(same) == 1 for same in bodies.values())
    numbers = {int(body.split(b"'")[1].split(b"+")[5]) for same in bodies.values() for body in same}
    assert numbers == set(range(1, 13))


@pytest.mark.parametrize("topic", ["redis"], indirect=True)
def test_no_more_under_way_than_numbers_are_remembered(topic: Topic) -> None:
    with pytest.raises(ValidationError, match="allow 75 at most"):
        topic.load(body_format=EDIFACT)
    assert topic.load(body_format=EDIFACT, delivery={"batch": 10})


@pytest.mark.parametrize("topic", ["redis"], indirect=True)
def test_one_body(topic: Topic) -> None:
    with pytest.raises(ValidationError, match="body_text is a body already"):
        topic.load(body_format="csv", body_text="a")

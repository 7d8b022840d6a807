from __future__ import annotations

import pytest
from outgoing_target import orders, route_of
from pydantic import ValidationError

from airflow_integrations.outgoing import Result
from airflow_integrations.outgoing.none import NoOutgoing


async def test_sends_nothing_and_says_so() -> None:
    outgoing = NoOutgoing(NoOutgoing.Config(), route_of(batch=3))
    assert outgoing.repeatable
    assert await outgoing.send(orders("a", "b")) == [Result("skipped", reason="outgoing: none")] * 2


async def test_what_was_never_sent_may_be_sent_again() -> None:
    outgoing = NoOutgoing(NoOutgoing.Config(), route_of(in_doubt="verify"))
    (outbound,) = orders("a")
    await outgoing.verify(outbound)


def test_has_no_options() -> None:
    with pytest.raises(ValidationError, match="path"):
        NoOutgoing.Config.model_validate({"path": "/orders"})

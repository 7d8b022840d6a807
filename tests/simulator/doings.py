"""What the deeds of a plan do to their world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from airflow_integrations.ledger.inbox.event_rows import NewEvent
from simulator.deed import Deed
from simulator.flows.shape import NAME
from simulator.people import act

if TYPE_CHECKING:
    from simulator.flows.flow import Flow
    from simulator.world import World

__all__ = ["away", "do"]


def do(world: World, deed: Deed) -> None:
    """Have a deed happen whose time has come."""
    flow = world.flows[NAME]
    match deed.what:
        case "source writes":
            _write(world, *deed.how)
        case "source is away":
            away(world, deed.how[0], "source", world.network.unreachable.add, world.network.unreachable.discard)
        case "source deletes":
            flow.source.delete(deed.how[0])
            world.tell(f"source: {deed.how[0]} is gone")
        case "target is away":
            away(world, deed.how[0], "target", world.network.unreachable.add, world.network.unreachable.discard)
        case "ledger is away":
            ledger = world.ledger
            _is(world, deed.how[0], "ledger", ledger, "away")
        case "disk is full":
            _is(world, deed.how[0], "disk", world.disk, "full")
        case "maintenance":
            world.spawn(world.airflow.maintain())
        case "person starts a run":
            world.airflow.by_hand(flow, deed.how[0])
        case "person edits the route":
            flow.shape = flow.shape.edited()
            world.tell("a person edits the route")
        case _:
            act(world, deed)


def _write(world: World, key: str, value: int, state: str) -> None:
    flow = world.flows["customers" if key.startswith("C") else NAME]
    record = flow.source.write(key, value, state)
    world.tell(f"source: {key} is {value}{'' if state == 'open' else f' ({state})'}, revision {record['rev']}")
    if flow.shape.events != "no":
        _send(world, flow, record)


def _is(world: World, seconds: float, who: str, whose: Any, how: str) -> None:
    away(world, seconds, who, lambda _: setattr(whose, how, True), lambda _: setattr(whose, how, False))


def away(world: World, seconds: float, who: str, begins: Any, ends: Any) -> None:
    """For so long; ``begins`` and ``ends`` are called with ``who``."""
    world.tell(f"the {who} is away for {seconds} s")
    begins(who)

    def over() -> None:
        ends(who)
        world.tell(f"the {who} is back")

    world.loop.call_later(seconds, over)


def _send(world: World, flow: Flow, record: dict[str, Any]) -> None:
    """The source's webhook: it may come late, behind a later one, or twice."""
    deed = world.next_of("event comes")
    how = deed.how[0] if deed is not None else ""
    whose = "e" if flow.name == NAME else "c"
    body = msgspec.json.encode([record])
    event = NewEvent(route=flow.name, event_id=f"{whose}{record['rev']}", body=body, source="webhook")
    pauses = {"late": [8.0], "very late": [500.0], "twice": [0.1, 0.3]}.get(how, [0.1])
    for pause in pauses:
        world.loop.call_later(pause + world.chance.random() * 0.1, _receive, world, event)


def _receive(world: World, event: NewEvent) -> None:
    if world.ledger.away:  # answered 503: the sender tries again
        world.loop.call_later(30.0, _receive, world, event)
        return
    (put,) = world.ledger.inbox.put([event], world.now())
    world.ring_bells()
    world.tell(f"event {event.event_id} comes{'' if put.new else ' once more'}")
    world.loop.call_later(0.05, world.airflow.ring)

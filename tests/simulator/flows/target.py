"""The target: it takes, refuses, answers late, twice, half or not at all, and remembers what came when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from simulator.borders.network import Asked, Reply

__all__ = ["Effect", "Target"]


@dataclass(frozen=True)
class Effect:
    """A change of one entity. ``content`` None: it was deleted. Of an entity in steps: the ``step`` is the path, and
    an item says of which ``part`` it is."""

    key: str
    content: bytes | None
    value: Any
    idempotency: str | None
    at: float
    step: str = "/items"
    part: str | None = None


class Target:
    """``broken`` says what the next request that writes meets, ``unasked`` the next that only asks. With ``honours`` it
    knows idempotency keys."""

    def __init__(
        self,
        now: Callable[[], float],
        broken: Callable[[str], str | None],
        unasked: Callable[[], str | None],
        *,
        honours: bool,
        tell: Callable[[str], None],
    ) -> None:
        self._now = now
        self._broken = broken
        self._unasked = unasked
        self._honours = honours
        self._tell = tell
        self.has: dict[str, dict[str, Any]] = {}
        self.parts: dict[str, tuple[str, dict[str, Any]]] = {}
        """Of each key the last part: its id, and what it was made of."""
        self.effects: list[Effect] = []
        self.unheard: set[str] = set()
        """Keys of which it took something, and its answer was lost or late."""
        self.undecided: set[str] = set()
        """Keys of which it said that it decides later."""
        self._known: dict[str, Reply] = {}
        self.watch: Callable[[Effect], None] = lambda effect: None

    def __call__(self, asked: Asked) -> Reply:
        if asked.method == "GET":
            return self._found(asked.url.query.get("ref", ""))
        fault = self._broken(_key(asked))
        match fault:
            case "503" | "404":
                self._tell(f"target: {asked.method} {asked.url.path} meets {fault}")
                return _answer(503 if fault == "503" else 500, {"message": "trouble"})
            case "429":
                self._tell(f"target: {asked.method} {asked.url.path} comes too often")
                return Reply(429, headers={"Retry-After": "4"})
            case "401":
                return _answer(401, {"message": "who are you?"})
            case "reset" | "silent":
                self._tell(f"target: {asked.method} {asked.url.path} is lost")
                return Reply(broken=fault)
            case "refused":
                self._tell(f"target: {asked.method} {asked.url.path} is refused")
                return _answer(422, {"message": "no"})
        if fault is not None:
            self.unheard.add(_key(asked))
        reply = self._taken(asked, fault)
        match fault:
            case "500 after":
                self._tell("target: and answers 500")
                return _answer(500, {"message": "trouble"})
            case "reset after" | "silent after" | "gone after":
                self._tell("target: and nobody hears of it")
                return Reply(broken="silent" if fault == "silent after" else "reset")
            case "cut" | "kill":
                reply.broken = fault
            case "late":
                reply.delay = 12.0
        return reply

    def _found(self, ref: str) -> Reply:
        """What it says when it is asked for an entity."""
        fault = self._unasked()
        if fault in ("reset", "silent"):
            return Reply(broken=fault)
        if fault == "429":
            return Reply(429, headers={"Retry-After": "4"})
        if fault is not None and fault != "cut":
            return _answer(500 if fault == "404" else int(fault), {"message": "trouble"})
        found = [self.has[ref]] if ref in self.has else []
        reply = _answer(200, {"items": [{"id": f"T-{one['ref']}", **one} for one in found]})
        reply.broken = fault
        return reply

    def _taken(self, asked: Asked, fault: str | None) -> Reply:
        name = asked.url.path.rpartition("/")[2]
        idempotency = asked.headers.get("Idempotency-Key")
        if asked.method == "DELETE":
            known = name in self.has
            self._apply(name, None, None)
            return Reply(204 if known else 404)
        if asked.method == "POST" and self._honours and idempotency in self._known:
            self._tell(f"target: knows {idempotency[:8]} already")
            return replace(self._known[idempotency])  # a fault of this request is not one of the next
        record = msgspec.json.decode(asked.body)
        if asked.url.path == "/parts":
            reply = self._part(record, idempotency)
        elif isinstance(record, list):
            reply = self._batch(record, idempotency, half=fault == "half")
        else:
            self._apply(record["ref"], record, idempotency, part=asked.url.query.get("part"))
            late = fault == "202"
            if late:
                self.undecided.add(record["ref"])
            reply = _answer(202 if late else 200, {"id": f"T-{record['ref']}"})
        if asked.method == "POST" and idempotency is not None:
            self._known[idempotency] = Reply(reply.status, reply.body)
        return reply

    def _batch(self, records: list[dict[str, Any]], idempotency: str | None, *, half: bool) -> Reply:
        results = []
        for place, record in enumerate(records):
            if half and place % 2:
                results.append({"ref": record["ref"], "ok": False, "error": "no room", "later": True})
                continue
            self._apply(record["ref"], record, idempotency)
            results.append({"ref": record["ref"], "ok": True})
        return _answer(200, {"results": results})

    def _part(self, record: dict[str, Any], idempotency: str | None) -> Reply:
        key, content = record["ref"], msgspec.json.encode(record)
        name = f"P-{len(self.effects)}"
        self.parts[key] = name, record
        self._tell(f"target: {name} of {key} is {content.decode()}")
        self._happens(Effect(key, content, record, idempotency, self._now(), "/parts"))
        return _answer(200, {"id": name})

    def _apply(self, key: str, record: dict[str, Any] | None, idempotency: str | None, part: str | None = None) -> None:
        if record is None:
            self.has.pop(key, None)
        else:
            self.has[key] = record
        self._tell(f"target: {key} is {'gone' if record is None else msgspec.json.encode(record).decode()}")
        content = None if record is None else msgspec.json.encode(record)
        self._happens(Effect(key, content, record, idempotency, self._now(), part=part))

    def _happens(self, effect: Effect) -> None:
        self.effects.append(effect)
        self.watch(effect)


def _key(asked: Asked) -> str:
    """Of the entity that a request is about; of the first one of a batch."""
    if asked.method in ("PUT", "DELETE"):
        return asked.url.path.rpartition("/")[2]
    record = msgspec.json.decode(asked.body)
    return str((record[0] if isinstance(record, list) else record)["ref"])


def _answer(status: int, body: Any) -> Reply:
    return Reply(status, msgspec.json.encode(body))

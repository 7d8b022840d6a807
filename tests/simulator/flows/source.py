"""The source: records that change while they are read, given in pages of any style."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from simulator.borders.network import Asked, Reply

__all__ = ["Source"]

SIZE = 2
"""Records of a page."""


class Source:
    """``broken`` says what the next request meets, or None. Every state that a key ever had stays in ``states``.

    ``lines``: records have some; with ``group`` each is given by itself, as exports do. ``customers``: and each record
    names one, which may be another one in its next state.
    """

    def __init__(
        self,
        now: Callable[[], float],
        broken: Callable[[], str | None],
        *,
        pages: bool,
        lines: str = "no",
        customers: bool = False,
    ) -> None:
        self._now = now
        self._broken = broken
        self._pages = pages
        self._lines = lines
        self._customers = customers
        self._rev = 0
        self.records: dict[str, dict[str, Any]] = {}
        self.gone: dict[str, float] = {}
        """When a key was deleted last."""
        self.states: dict[str, list[dict[str, Any]]] = {}

    def write(self, key: str, value: int, state: str) -> dict[str, Any]:
        self._rev += 1
        at = datetime.fromtimestamp(self._now(), UTC).isoformat()
        record: dict[str, Any] = {"number": key, "rev": self._rev, "updated": at, "value": value, "state": state}
        if self._customers:
            record["customer"] = "C2" if value == 1 else "C1"
        if state == "odd":
            record["note"] = "what nobody has seen before"
        if self._lines in ("split", "joined"):
            record["lines"] = [{"line": number} for number in range(1, self.lines_of(record) + 1)]
        self.records[key] = record
        self.states.setdefault(key, []).append(record)
        return record

    @staticmethod
    def lines_of(record: dict[str, Any]) -> int:
        """How many a state has."""
        return 1 + int(record["rev"]) % 3

    def delete(self, key: str) -> None:
        if self.records.pop(key, None) is not None:
            self.gone[key] = self._now()

    def __call__(self, asked: Asked) -> Reply:
        fault = self._broken()
        query = dict(asked.url.query)
        match fault:
            case None:
                return self._page(query, str(asked.url.with_query(None)))
            case "reset" | "reset after" | "silent" | "silent after":
                return Reply(broken=fault.partition(" ")[0])
            case "cut":
                reply = self._page(query, str(asked.url.with_query(None)))
                reply.broken = "cut"
                return reply
            case "late":
                reply = self._page(query, str(asked.url.with_query(None)))
                reply.delay = 8.0
                return reply
            case "429":
                return Reply(429, headers={"Retry-After": "3"})
            case "expired":
                return Reply(410 if "after" in query else 503, b'{"message": "this place is no longer known"}')
            case _:
                return Reply(int(fault.partition(" ")[0]), b'{"message": "trouble"}')

    def _page(self, query: dict[str, str], url: str) -> Reply:
        found = self._asked_for(query)
        total, more = len(found), False
        skip = int(query["skip"]) if "skip" in query else (int(query.get("page", "1")) - 1) * SIZE
        if "after" in query:
            found = [(place, record) for place, record in found if place > tuple(query["after"].split("~", 1))]
        found = found[skip:]
        if self._pages:
            more, found = len(found) > SIZE, found[:SIZE]
        answer: dict[str, Any] = {"items": [record for _, record in found], "total": total, "pages": -(-total // SIZE)}
        headers = {}
        if more:
            answer["next"] = "~".join(found[-1][0])
            kept = {name: text for name, text in query.items() if name != "after"}
            pairs = "&".join(f"{name}={_quoted(text)}" for name, text in {**kept, "after": answer["next"]}.items())
            answer["next_url"] = f"/records?{pairs}"
            headers["Link"] = f'<{url}?{pairs}>; rel="next"'
        return Reply(200, msgspec.json.encode(answer), headers)

    def _asked_for(self, query: dict[str, str]) -> list[tuple[tuple[str, str], dict[str, Any]]]:
        """Records with the place that each has in the order of this question."""
        records = self.records.values()
        if "part" in query:  # by its value it may be in another one with each state
            part, of = int(query["part"]), int(query["of"])
            by = (lambda r: r["value"]) if query["by"] == "value" else (lambda r: int(r["number"][1:]))
            records = [r for r in records if by(r) % of == part]  # type: ignore[assignment]
        if "from" in query:
            start, end = datetime.fromisoformat(query["from"]), datetime.fromisoformat(query["to"])
            records = [r for r in records if start <= datetime.fromisoformat(r["updated"]) < end]  # type: ignore[assignment]
        if "since" in query:
            records = [r for r in records if r["rev"] > int(query["since"])]  # type: ignore[assignment]
        if "changed" in query:
            since = datetime.fromisoformat(query["changed"])
            records = [r for r in records if datetime.fromisoformat(r["updated"]) >= since]  # type: ignore[assignment]
        if query.get("sort") == "number":
            placed = [((r["number"], ""), r) for r in records]
        elif "since" in query or "changed" in query:
            placed = [((f"{r['rev']:08d}", ""), r) for r in records]
        elif "from" in query:
            placed = [((r["updated"], r["number"]), r) for r in records]
        else:
            placed = [((r["number"], ""), r) for r in records]
        placed = sorted(placed, key=lambda one: one[0])
        return placed if self._lines != "group" else [line for one in placed for line in self._lines_apart(*one)]

    def _lines_apart(
        self, place: tuple[str, str], record: dict[str, Any]
    ) -> list[tuple[tuple[str, str], dict[str, Any]]]:
        return [
            ((place[0], f"{place[1]}.{number}"), {**record, "line": number})
            for number in range(1, self.lines_of(record) + 1)
        ]


def _quoted(text: str) -> str:
    return text.replace("+", "%2B").replace(":", "%3A")

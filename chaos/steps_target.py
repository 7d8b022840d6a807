"""The systems of ``python -m chaos.steps`` as one process, which prints its port.

The source gives orders. The target takes a party, a request for each line and a sale. What came under an
Idempotency-Key before gets the same answer and has no effect; under another key it has one more. Told to, it kills its
client with SIGKILL at a request: before the effect, between effect and answer, right behind the answer, or some
milliseconds later. Without ``--calm`` it also fails by itself, behind the effect or in place of it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
from collections import Counter, defaultdict
from typing import Any, Literal

import msgspec
from aiohttp import web

from chaos.steps_route import PARTIES, order, steps_of

When = Literal["before", "after", "answered", "later"]
FAULTS = {"500": 0.03, "503": 0.02}
"""What goes wrong, and with which share of the requests: an effect of which nobody hears, or none."""
LATER_SECONDS = 0.01


class Target:
    def __init__(self, entities: int, seed: int, *, calm: bool) -> None:
        self.entities = entities
        self.calm = calm
        self.dice = random.Random(seed)
        self.answers: dict[tuple[str, str], dict[str, Any]] = {}
        self.effects: dict[str, list[dict[str, Any]]] = defaultdict(list)
        """By step, such as ``7 line[1]``: what was taken for it, one after the other."""
        self.reached: dict[str, int] = {}
        """By order: the last of its steps that was asked for."""
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self.ids = 0
        self.victim: tuple[int, int, When] | None = None
        """Whom to kill, behind how many more requests, and when."""

    async def orders(self, request: web.Request) -> web.Response:
        return web.json_response({"orders": [order(position) for position in range(self.entities)]})

    async def find(self, request: web.Request) -> web.Response:
        code = request.query["code"]
        self._goes_on(code.removeprefix("C-"), "party")
        if self._dies("before") or self._dies("after"):
            return web.Response(status=500)
        found = [{"id": taken["id"]} for taken in self.effects[f"{code.removeprefix('C-')} party"]]
        self._counted()
        return web.json_response({"data": found})

    async def update(self, request: web.Request) -> web.Response:
        """A party that is there already: the same once more changes nothing."""
        told = msgspec.json.decode(await request.read())
        self._goes_on(told["order"], "party")
        self.counts["updated"] += 1
        self._counted()
        return web.json_response({"id": request.match_info["id"]})

    async def take(self, request: web.Request) -> web.StreamResponse:
        told, key = msgspec.json.decode(await request.read()), request.headers["Idempotency-Key"]
        step = {"parties": "party", "sales": "sale"}.get(request.match_info["what"]) or f"line[{told['pos']}]"
        self.counts["requests"] += 1
        self._goes_on(told["order"], step)
        if self._dies("before"):
            return web.Response(status=500)
        fault = self._fault()
        if fault == "503":
            return web.Response(status=503)
        known = self.answers.get((step, key))
        self.counts["replayed"] += known is not None
        answer = known or self._effect(told, step, key)
        if self._dies("after") or fault == "500":
            return web.Response(status=500)
        response = web.json_response(answer)
        await response.prepare(request)
        await response.write_eof()
        if not self._dies("answered"):
            asyncio.get_running_loop().call_later(self.dice.uniform(0, LATER_SECONDS), self._dies, "later")
        self._counted()
        return response

    def _fault(self) -> str | None:
        if self.calm:
            return None
        return next((name for name, share in FAULTS.items() if self.dice.random() < share), None)

    def _effect(self, told: dict[str, Any], step: str, key: str) -> dict[str, Any]:
        self.ids += 1
        answer = {"id": f"T{self.ids}"}
        self.answers[step, key] = answer
        self.effects[f"{told['order']} {step}"].append({**told, **answer})
        return answer

    def _goes_on(self, number: str, step: str) -> None:
        """A step behind which the order has gone before was confirmed, and must not be asked for once more."""
        place = steps_of(number).index(step)
        if place < self.reached.get(number, 0):
            self.wrong.append(f"{number} went back to {step} from {steps_of(number)[self.reached[number]]}")
        self.reached[number] = max(place, self.reached.get(number, 0))

    def _dies(self, when: When) -> bool:
        if self.victim is None or self.victim[1] > 0 or self.victim[2] != when:
            return False
        os.kill(self.victim[0], signal.SIGKILL)
        self.counts[f"killed {when}"] += 1
        self.victim = None
        return True

    def _counted(self) -> None:
        if self.victim is not None:
            self.victim = (self.victim[0], max(0, self.victim[1] - 1), self.victim[2])

    async def arm(self, request: web.Request) -> web.Response:
        asked = request.query
        when: Any = asked["when"]
        self.victim = (int(asked["pid"]), int(asked["behind"]), when)
        return web.Response()

    async def disarm(self, request: web.Request) -> web.Response:
        """Whoever was to be killed came to its end before."""
        self.victim = None
        return web.Response()

    async def calm_down(self, request: web.Request) -> web.Response:
        self.calm = True
        return web.Response()

    async def books(self, request: web.Request) -> web.Response:
        return web.json_response({"effects": self.effects, "wrong": self.wrong, "counts": self.counts})


async def serve(entities: int, seed: int, *, calm: bool) -> None:
    target = Target(entities, seed, calm=calm)
    app = web.Application()
    app.add_routes(
        [
            web.get("/orders", target.orders),
            web.get(PARTIES, target.find),
            web.put(f"{PARTIES}/{{id}}", target.update),
            web.post("/arm", target.arm),
            web.post("/disarm", target.disarm),
            web.post("/calm", target.calm_down),
            web.get("/books", target.books),
            web.post("/{what:parties|lines|sales}", target.take),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("entities", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("--calm", action="store_true", help="no faults of its own")
    given = parser.parse_args()
    asyncio.run(serve(given.entities, given.seed, calm=given.calm))

"""Sends an entity in several requests, one after the other, and goes on where the target has not confirmed yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from airflow_integrations.entity import content_hash
from airflow_integrations.errors import EntityError
from airflow_integrations.formats.json import encode
from airflow_integrations.formats.unwritable_json import NOT_JSON, why_not_json
from airflow_integrations.ledger.progress import Progress, StepDone
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.http.answers.reasons import id_text, reason_text
from airflow_integrations.outgoing.http.options import HttpOptions
from airflow_integrations.outgoing.http.recording_client import RecordingClient
from airflow_integrations.outgoing.http.steps.options import Choice, Step
from airflow_integrations.outgoing.http.steps.way import Way
from airflow_integrations.outgoing.http.upsert import NOT_THERE
from airflow_integrations.outgoing.request_scope import RequestNames, names_read
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Services

__all__ = ["MOST_BYTES", "Steps", "open_steps"]

MOST_BYTES = 1_000_000
"""JSON of all results of one entity: they are kept until it is delivered."""

_STOPPED = (
    "it was being sent when an earlier attempt ended: the target may have it, does not take it twice, and nothing says "
    "how to ask for it (verify)"
)
_NOTHING_TO_DO = "no step applies to it: none has a `when` that holds"
_NO_CHOICE = "no choice applies to it: none has a `when` that holds"


class _Stop(Exception):
    """A step was not confirmed."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


async def open_steps(options: HttpOptions, route: Route, base: Mapping[str, Any], services: Services) -> Steps:
    """Ready to send. Raises SetupError as :meth:`Outgoing.open` does."""
    given: Sequence[Step | Choice] = options.steps if options.steps is not None else options.choose or ()
    part = "steps" if options.steps is not None else "choose"
    ways = []
    for number, way in enumerate(given):
        client = RecordingClient(await services.client(way.connection or options.connection), now=services.now)
        place, policy = f"outgoing.http.{part}.{number}", route.delivery.in_doubt
        ways.append(Way(way, place, options, policy, base, route, client, services))
    return Steps(options, ways, base, route.entity.name, now=services.now)


class Steps:
    """The steps of a route, or its choices."""

    def __init__(
        self,
        options: HttpOptions,
        ways: Sequence[Way],
        base: Mapping[str, Any],
        entity: str,
        *,
        now: Callable[[], float],
    ) -> None:
        self._ways = ways
        self._choosing = options.choose is not None
        conditions = [step.when for step in options.steps or ()] + [choice.when for choice in options.choose or ()]
        lists = [step.each for step in options.steps or ()]
        self._reads = RequestNames(base, entity, names_read(conditions, lists, options.target_id), together=False)
        self._target_id = options.target_id.compile() if options.target_id is not None else None
        self._order = [way.label for way in ways]
        self._decodes = entity in names_read(options.steps, options.choose, options.headers)
        self._now = now
        self._missed = 0

    @property
    def ids_missed(self) -> int:
        """Delivered entities whose id could not be read although the route says how."""
        return self._missed + sum(way.sender.judgement.ids_missed for way in self._ways if self._choosing)

    async def deliver(self, outbound: Outbound) -> Result:
        """What became of one entity. Raises OutageError and SetupError as :meth:`Outgoing.send` does."""
        progress = outbound.progress
        if progress is None:
            progress = outbound.progress = Progress()
        if self._decodes:
            _ = outbound.value  # once, for all of its requests
        sending = _Sending(outbound, progress, self._reads, self._order, self._now)
        try:
            if self._choosing:
                return await self._chosen(sending)
            for way in self._ways:
                await sending.take(way, last=way is self._ways[-1])
        except _Stop as stop:
            return stop.result
        if not sending.confirmed:
            return Result("skipped", reason=_NOTHING_TO_DO)
        return Result("delivered", self._id(sending), http_status=sending.status)

    async def _chosen(self, sending: _Sending) -> Result:
        for way in self._ways:
            if sending.applies(way):
                return await sending.choose(way)
        return Result("skipped", reason=_NO_CHOICE)

    def _id(self, sending: _Sending) -> str | None:
        if self._target_id is None:
            return None
        try:
            found = id_text(self._target_id(sending.names()))
        except EntityError:
            found = None
        self._missed += found is None
        return found


class _Sending:
    """One entity on its way through the steps."""

    def __init__(
        self,
        outbound: Outbound,
        progress: Progress,
        reads: RequestNames,
        order: Sequence[str],
        now: Callable[[], float],
    ) -> None:
        self._outbound = outbound
        self._progress = progress
        self._reads = reads
        self._order = order
        self._now = now
        self._results: dict[str, Any] = {}
        self._doubt = progress.unanswered
        self._bytes = sum(len(done.result) for done in progress.done.values())
        self.confirmed = bool(progress.done)
        """The target has confirmed a request."""
        self.status: int | None = None

    def names(self, **more: Any) -> dict[str, Any]:
        """What conditions see: the entity and the results so far."""
        return {**self._reads.of((self._outbound,)), **self._results, **more}

    def applies(self, way: Way, **more: Any) -> bool:
        """Raises _Stop where that cannot be told."""
        if way.always:
            return True
        try:
            return way.applies(self.names(**more))
        except EntityError as error:
            raise self._unwritable(way.label, error) from None

    async def choose(self, way: Way) -> Result:
        """Send it this way, and no other."""
        try:
            result = await self._sent(way, way.label, self._outbound)
        except _Stop as stop:
            return stop.result
        self._progress.unanswered = result.status == "waiting"
        return result

    async def take(self, way: Way, *, last: bool) -> None:
        """Take a step, unless that was done. Raises _Stop where it is not confirmed."""
        if not way.is_list:
            value = await self._one(way, way.label, {}, last=last)
        else:
            try:
                items = way.items(self.names())
            except EntityError as error:
                raise self._unwritable(way.label, error) from None
            value = [
                await self._one(way, f"{way.label}[{at}]", {"item": item}, last=last and at == len(items) - 1)
                for at, item in enumerate(items)
            ]
        if way.name is not None:
            self._results[way.name] = value

    async def _one(self, way: Way, label: str, own: dict[str, Any], *, last: bool) -> Any:
        """The result of one request; None where its condition does not hold."""
        if (done := self._progress.done.get(label)) is not None:
            return done.value
        if not self.applies(way, **own):
            return None
        parts = [self._outbound.idempotency_key, label]
        if self._progress.again and (again := self._times_restarted(way.label)):
            parts.append(str(again))
        key = content_hash("\0".join(parts).encode())
        result = await self._sent(way, label, self._outbound.for_step(key, {**self._results, **own}))
        if result.status == "waiting" and last:
            self._progress.unanswered = True
            raise _Stop(result)
        return self._confirmed(way, label, result, last=last)

    def _times_restarted(self, label: str) -> int:
        """How often all was sent once more from this step on, or from one before it."""
        upto = self._order[: self._order.index(label) + 1]
        return sum(point in upto for point in self._progress.again)

    async def _sent(self, way: Way, label: str, outbound: Outbound) -> Result:
        """A confirmed result. Raises _Stop for any other."""
        progress = self._progress
        await progress.durable()
        result: Result | None = None
        if self._doubt:
            self._doubt = False
            result = await self._cleared_up(way, label, outbound)
        if result is None:
            progress.unanswered = progress.released = False
            sent = await way.sender.send((outbound,))
            assert sent is not None  # one entity is not refused as a whole
            (result,) = sent
        if result.status in ("delivered", "waiting", "skipped"):
            return result
        if result.status == "in_doubt":
            progress.unanswered = True
            if way.policy == "hold":
                result = replace(result, later=False)
        raise _Stop(_of_step(result, label))

    async def _cleared_up(self, way: Way, label: str, outbound: Outbound) -> Result | None:
        """What became of a request that an earlier attempt sent; None where it is to be sent again."""
        if way.policy == "hold" and not self._progress.released:
            raise _Stop(_of_step(Result("in_doubt", reason=_STOPPED, cause="unknown", later=False), label))
        return await way.sender.verify(outbound) if way.policy == "verify" else None

    def _confirmed(self, way: Way, label: str, result: Result, *, last: bool) -> Any:
        """The step's result, noted unless it is the last one. Raises _Stop where it has none that others read."""
        value, why, encoded = result.value, "", b"null"
        if way.needs_value and value is None:
            if result.reason == NOT_THERE:
                raise _Stop(_of_step(replace(result, status="failed", cause="refused", later=False), label))
            why = "the target took it, and its answer has no result for the steps behind it; check result"
        elif value is not None:
            value, encoded, why = self._kept(value)
        if why:
            self._progress.unanswered = True
            held = False if way.policy == "hold" else None
            told = Result("in_doubt", None, why, result.http_status, "unreadable", later=held)
            raise _Stop(_of_step(replace(told, exchange=way.client.exchange()), label))
        self.status, self.confirmed = result.http_status, True
        if last:  # the entity has its outcome
            return value
        request, status, answer = way.client.last_request()
        self._progress.confirm(StepDone(label, encoded.decode(), request, status, self._now(), answer))
        return value

    def _kept(self, value: Any) -> tuple[Any, bytes, str]:
        """The result as it is kept, its JSON, and why it cannot be where it cannot."""
        try:
            encoded = encode(value)
        except NOT_JSON as error:
            return None, b"null", reason_text(why_not_json(error, value, "its result"))
        self._bytes += len(encoded)
        if self._bytes > MOST_BYTES:
            return None, b"null", f"the results of its steps have over {MOST_BYTES} bytes; let result read less"
        return value, encoded, ""

    def _unwritable(self, label: str, error: EntityError) -> _Stop:
        return _Stop(_of_step(Result("failed", reason=reason_text(error), cause="unwritable"), label))


def _of_step(result: Result, label: str) -> Result:
    return replace(result, target_id=None, reason=reason_text(f"{label}: {result.reason or result.status}"))

"""Find an entity at the target, then create or update it."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from airflow_integrations.errors import AnswerError, EntityError, OutageError, UnknownOutcome
from airflow_integrations.http import Request
from airflow_integrations.http.refusal import UnreadableError
from airflow_integrations.http.retry import back_off
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.asking import Asking, UntoldError, nothing
from airflow_integrations.outgoing.http_options import HttpOptions
from airflow_integrations.outgoing.judgement import Judgement
from airflow_integrations.outgoing.overheard import Overheard
from airflow_integrations.outgoing.request_names import RequestNames, names_read
from airflow_integrations.outgoing.request_parts import body_of, writer_of
from airflow_integrations.outgoing.wording import id_text, reason_text

__all__ = ["Upserting"]

ROUNDS = 3
"""A create whose outcome is unknown is cleared up by asking again; so often, then the target counts as away."""


class Upserting:
    """Delivers single entities by an upsert. Safe to repeat: what an earlier attempt created is found and updated."""

    def __init__(
        self,
        options: HttpOptions,
        base: Mapping[str, Any],
        entity: str,
        client: Overheard,
        judgement: Judgement,
        *,
        sleep: Callable[[float], Awaitable[None]],
        rng: random.Random,
    ) -> None:
        upsert = options.upsert
        assert upsert is not None
        self._client = client
        self._judgement = judgement
        self._sleep = sleep
        self._rng = rng
        self._most = options.max_body_bytes
        self._names = RequestNames(
            base, entity, names_read(upsert, options.body, options.body_text, options.headers), together=False
        )
        find = upsert.find
        reads = names_read(find.target) if find.target else frozenset({"body"})
        self._find = Asking(find, base, client, "upsert.find", headers=options.headers, reads=reads)
        self._target = find.target.compile() if find.target else None
        self._known_id = find.id.compile() if find.id else None
        self._create = self._update = None
        if upsert.create:
            place = "outgoing.http.upsert.create"
            self._create = writer_of(upsert.create, options, base, place, repeatable=options.idempotent)
            self._create_body = body_of(upsert.create, options, together=False)
        if upsert.update:
            place = "outgoing.http.upsert.update"
            self._update = writer_of(upsert.update, options, base, place, repeatable=True, key=False)
            self._update_body = body_of(upsert.update, options, together=False)

    async def deliver(self, outbound: Outbound) -> Result:
        """What became of one entity. Raises OutageError and SetupError as :meth:`Outgoing.send` does."""
        created: UnknownOutcome | None = None
        for attempt in range(1, ROUNDS + 1):
            try:
                result = await self._once(outbound, created is not None)
                return _undecided(created, result.reason, "too_large") if result.cause == "too_large" else result
            except UntoldError as error:
                return _undecided(created, error, "unreadable", error.status)
            except EntityError as error:
                return _undecided(created, f"{error.field}: {error}" if error.field else error, "unwritable")
            except AnswerError as error:
                return _undecided(created, error, "refused")
            except UnknownOutcome as error:
                created = error
                if attempt < ROUNDS:
                    await self._sleep(back_off(attempt, self._rng))
        assert created is not None
        raise OutageError(f"{created}; asked {ROUNDS} times whether it did, and it had not", status=created.status)

    async def _once(self, outbound: Outbound, created_perhaps: bool) -> Result:
        names = self._names.of((outbound,))
        target = await self._ask(outbound, names)
        if target is None:
            if self._create is None:
                return Result("skipped", reason="the target does not have it, and the upsert has no create")
            body = self._create_body((outbound,), names)
            return await self._send(self._create.write(names, body, outbound.idempotency_key), outbound)
        known_id = self._id_of(names, target)
        if self._update is None:
            if created_perhaps:  # by our own request that went unanswered
                return Result("delivered", known_id)
            return Result("skipped", known_id, "the target already has it, and the upsert has no update")
        names["target"] = target
        body = self._update_body((outbound,), names)
        return await self._send(self._update.write(names, body), outbound, known_id)

    async def _ask(self, outbound: Outbound, names: dict[str, Any]) -> Any:
        """What the target has, None for nothing. Raises UntoldError where that cannot be told."""
        asked = await self._find.ask(outbound, names)
        if asked is None:
            return None
        answer, over = asked
        try:
            found = self._target(over) if self._target else over["body"]
        except EntityError as error:
            raise UntoldError(f"upsert.find: {error}", status=answer.status) from None
        if isinstance(found, list | tuple):
            if len(found) > 1:
                why = f"upsert.find found {len(found)} at the target; it must find one at most, or update the wrong one"
                raise UntoldError(why, status=answer.status)
            found = found[0] if found else None
        return None if nothing(found) else found

    async def _send(self, request: Request, outbound: Outbound, known_id: str | None = None) -> Result:
        if self._most is not None and request.body is not None and len(request.body) > self._most:
            why = f"the body has {len(request.body)} bytes, above max_body_bytes ({self._most})"
            return Result("failed", reason=why, cause="too_large")
        try:
            answer = await self._client.send(request)
        except UnreadableError as error:
            return Result("in_doubt", reason=reason_text(error), cause="unreadable")
        judged = self._judgement.of(answer, (outbound,))
        assert judged is not None  # one entity is not refused as a whole
        (result,) = judged
        if result.status in ("delivered", "waiting") and result.target_id is None and known_id is not None:
            return replace(result, target_id=known_id)
        return result

    def _id_of(self, names: Mapping[str, Any], target: Any) -> str | None:
        if self._known_id is None:
            return None
        try:
            return id_text(self._known_id({**names, "target": target}))
        except EntityError:
            return None


def _undecided(created: UnknownOutcome | None, why: object, cause: str, status: int | None = None) -> Result:
    """For an entity that is not written now. Where a create went unheard before, nobody knows whether it did."""
    if created is not None:
        return Result("in_doubt", reason=reason_text(why), http_status=status, cause="unknown")
    return Result("failed", reason=reason_text(why), http_status=status, cause=cause)

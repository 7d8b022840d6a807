"""Find an entity at the target, then create or update it."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from airflow_integrations.errors import AnswerError, EntityError, OutageError, UnknownOutcome
from airflow_integrations.expressions.language.presence import missing_place
from airflow_integrations.http import Request
from airflow_integrations.http.errors import UnreadableError
from airflow_integrations.http.retry import back_off
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.http.answers.reasons import (
    LaterError,
    id_text,
    later,
    reason_text,
    without_secrets,
)
from airflow_integrations.outgoing.http.answers.response_rules import ResponseRules, answered
from airflow_integrations.outgoing.http.answers.rule_options import ruled
from airflow_integrations.outgoing.http.answers.screen import Screen
from airflow_integrations.outgoing.http.options import HttpOptions
from airflow_integrations.outgoing.http.query import Asking, UntoldError, nothing
from airflow_integrations.outgoing.http.recording_client import RecordingClient
from airflow_integrations.outgoing.http.request_writer import body_of, writer_of
from airflow_integrations.outgoing.http.wording import HTTP, Wording
from airflow_integrations.outgoing.request_scope import RequestNames, names_read

__all__ = ["NOT_THERE", "Upserting"]

_CHANGED = 412
"""Somebody else changed the entity between the find and the write: what there is now is found again at once."""

_CONFLICT = 409
"""To a create: somebody else may have made the entity between the find and the write. It is found again, once."""

NOT_THERE = "the target does not have it, and the upsert has no create"
_ALREADY_THERE = "the target already has it, and the upsert has no update"

ROUNDS = 3
"""A create whose outcome is unknown is cleared up by asking again; so often, then the target counts as away."""


class Upserting:
    """Delivers single entities by an upsert. Safe to repeat: what an earlier attempt created is found and updated."""

    def __init__(
        self,
        options: HttpOptions,
        base: Mapping[str, Any],
        entity: str,
        client: RecordingClient,
        judgement: ResponseRules,
        *,
        sleep: Callable[[float], Awaitable[None]],
        rng: random.Random,
        wording: Wording = HTTP,
    ) -> None:
        upsert = options.upsert
        assert upsert is not None
        self._client = client
        self._judgement = judgement
        self._sleep = sleep
        self._rng = rng
        self._most = options.max_body_bytes
        self._wording = wording
        self._names = RequestNames(
            base,
            entity,
            names_read(upsert, options.body, options.body_text, options.form, options.headers),
            together=False,
        )
        find = upsert.find
        reads = names_read(find.target) | {"body"}
        self._about = wording.about("upsert.find")
        self._find = Asking(
            find, base, client, "upsert.find", headers=options.headers, reads=reads, shared=options, wording=wording
        )
        self._reads = find.target
        self._target = find.target.compile() if find.target else None
        self._known_id = find.id.compile() if find.id else None
        self._create = self._update = None
        if upsert.create:
            place = wording.place("upsert.create")
            self._create_screen = judgement.screen(ruled(upsert.create, options), place)
            self._create = writer_of(upsert.create, options, base, place, repeatable=options.idempotent)
            self._create_body = body_of(upsert.create, options, together=False)
        if upsert.update:
            place = wording.place("upsert.update")
            self._update_screen = judgement.screen(ruled(upsert.update, options), place)
            self._update = writer_of(upsert.update, options, base, place, repeatable=True, key=False)
            self._update_body = body_of(upsert.update, options, together=False)

    async def deliver(self, outbound: Outbound) -> Result:
        """What became of one entity. Raises OutageError and SetupError as :meth:`Outgoing.send` does."""
        created: UnknownOutcome | None = None
        changed: Result | None = None
        conflict: Result | None = None
        for attempt in range(1, ROUNDS + 1):
            try:
                result, by_create = await self._once(outbound, created is not None, conflict)
                if by_create and conflict is None and _refused_with(result, _CONFLICT):
                    # If nothing is found now, either, this is the answer that counts.
                    conflict, changed = replace(result, exchange=self._client.exchange()), None
                    continue
                if _refused_with(result, _CHANGED):
                    changed = result
                    continue
                return _undecided(created, result.reason, "too_large") if result.cause == "too_large" else result
            except UntoldError as error:
                return _undecided(created, error, "unreadable", error.status)
            except EntityError as error:
                return _undecided(created, f"{error.field}: {error}" if error.field else error, "unwritable")
            except LaterError as error:
                return later(error)
            except AnswerError as error:
                return _undecided(created, error, "refused")
            except UnknownOutcome as error:
                created, changed = error, None
                if attempt < ROUNDS:
                    await self._sleep(back_off(attempt, self._rng))
        if changed is not None:
            return replace(changed, later=True)
        if created is None and conflict is not None:
            return conflict
        assert created is not None
        raise OutageError(f"{created}; asked {ROUNDS} times whether it did, and it had not", status=created.status)

    async def _once(self, outbound: Outbound, created_perhaps: bool, conflict: Result | None) -> tuple[Result, bool]:
        """What became of it, and whether a create was what was sent. ``conflict``: so a create was answered before."""
        names = self._names.of((outbound,))
        target = await self._ask(outbound, names)
        if target is None:
            if conflict is not None:
                return conflict, False
            if self._create is None:
                return Result("skipped", reason=NOT_THERE), False
            body = self._create_body((outbound,), names)
            request = self._create.write(names, body, outbound.idempotency_key)
            return await self._send(request, outbound, self._create_screen), True
        known = self._id_of(names, target)
        if self._update is None:
            if created_perhaps:  # by our own request that went unanswered
                return Result("delivered", id_text(known), value=known), False
            return Result("skipped", id_text(known), _ALREADY_THERE, value=known), False
        names["target"] = target
        body = self._update_body((outbound,), names)
        return await self._send(self._update.write(names, body), outbound, self._update_screen, known), False

    async def _ask(self, outbound: Outbound, names: dict[str, Any]) -> Any:
        """What the target has, None for nothing. Raises UntoldError where that cannot be told."""
        asked = await self._find.ask(outbound, names)
        if asked is None:
            return None
        answer, over = asked
        if answer.status == 204:
            return None
        try:
            found = self._target(over) if self._target else over["body"]
        except EntityError as error:
            raise UntoldError(answer.redact(f"{self._about}: {error}"), status=answer.status) from None
        if isinstance(found, list | tuple):
            if len(found) > 1:
                why = f"found {len(found)} at the target; it must find one at most, or update the wrong one"
                why = f"{self._about} {why}"
                raise UntoldError(why, status=answer.status)
            found = found[0] if found else None
        if self._reads is None:
            self._find.mind_errors(answer, over["body"], found=not nothing(found))
        if not nothing(found):
            return found
        if self._reads is not None:
            if (place := missing_place(self._reads, over)) is not None:
                why = f"{self._about}: the answer has no {place}, so that it does not tell "
                why += "whether the target has it"
                why += self._wording.remedy(f"; where that means no, write target: {self._reads.text} or []")
                why += f". It said: {answered(answer)}"
                raise UntoldError(why, status=answer.status)
            self._find.mind_errors(answer, over["body"], found=False)
        return None

    async def _send(self, request: Request, outbound: Outbound, screen: Screen, known: Any = None) -> Result:
        if self._most is not None and request.body is not None and len(request.body) > self._most:
            why = f"the body has {len(request.body)} bytes, above max_body_bytes ({self._most})"
            return Result("failed", reason=why, cause="too_large")
        try:
            answer = await screen.send(self._client, request)
        except UnreadableError as error:
            return Result("in_doubt", reason=reason_text(error), cause="unreadable")
        judged = self._judgement.of(answer, (outbound,), screen)
        assert judged is not None  # one entity is not refused as a whole
        (result,) = judged
        if result.status in ("delivered", "waiting") and known is not None:
            value = known if result.value is None else result.value
            return replace(result, target_id=result.target_id or id_text(known), value=value)
        return result

    def _id_of(self, names: Mapping[str, Any], target: Any) -> Any:
        if self._known_id is None:
            return None
        try:
            return without_secrets(self._known_id({**names, "target": target}), self._client.redact)
        except EntityError:
            return None


def _refused_with(result: Result, status: int) -> bool:
    """Whether the target refused it with this status, and the route has no rule for that."""
    return result.http_status == status and result.status == "failed" and result.later is None


def _undecided(created: UnknownOutcome | None, why: object, cause: str, status: int | None = None) -> Result:
    """For an entity that is not written now. Where an earlier create is unanswered, nobody knows whether it did."""
    if created is not None:
        return Result("in_doubt", reason=reason_text(why), http_status=status, cause="unknown")
    return Result("failed", reason=reason_text(why), http_status=status, cause=cause)

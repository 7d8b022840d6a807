"""From what the target said to an entity's fate: what is final, what is tried again and when, what a person decides."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from airflow_integrations.engine.push.in_flight import SetAside
from airflow_integrations.engine.push.retry_policy import next_attempt, transient
from airflow_integrations.entity import compare, kind_of_version
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.records import LEASED, NOT_FOUND, Known, Outcome
from airflow_integrations.ledger.status import KEPT, Status
from airflow_integrations.masking.mask import Mask
from airflow_integrations.masking.reasons import Hiding
from airflow_integrations.outgoing import Outbound, Outgoing, Result
from airflow_integrations.outgoing.error_class import cause_of
from airflow_integrations.route.definition import Route
from airflow_integrations.route.delivery import InDoubt
from airflow_integrations.run import Services

__all__ = ["LEASED_SECONDS", "UNANSWERED", "Outcomes", "known_after", "leaves_unanswered", "target_of"]

_MAY_HAVE_WORKED = frozenset({"outage", "server"})
"""An error of these classes may come after the target's work was done."""
_GOES_AGAIN = frozenset({"retrying", "pending"})
_LEFT_UNSENT = frozenset({LEASED, NOT_FOUND, "behind", "stopped", "outage", "rate_limit"})
"""``error_class`` of what a run did not send, or had no effect when it did."""
LEASED_SECONDS = 30.0
"""What another run has in flight is looked at again so much later."""
UNANSWERED = "it was being sent when the run ended: nobody knows whether it arrived"


def target_of(route: Route) -> Outgoing:
    """Return the route's outgoing; nothing is opened."""
    made: Outgoing = route.outgoing.component()(route.outgoing.config, route)
    return made


class Outcomes:
    """The rules of one route's delivery at work."""

    def __init__(self, route: Route, outgoing: Outgoing, services: Services) -> None:
        self._retry = route.delivery.retry
        self._always = route.delivery.resend == "always"
        self._services = services
        self._repeatable = outgoing.repeatable
        self._moments: dict[str, float | None] = {}
        self._entity = route.entity.name
        self._told_unlike = False
        self._hiding = Hiding(Mask(route.mask, entity=route.entity.name))
        self.in_steps: bool = getattr(outgoing, "in_steps", False)
        """The kind sends an entity in several requests, and clears up by itself what is unanswered."""
        self.policy: InDoubt = route.delivery.in_doubt or ("resend" if outgoing.repeatable else "hold")
        if self.in_steps:
            self.policy = "resend"
        self._may_have_arrived: dict[str, set[str]] = {}
        """Hashes of superseded states that went in steps and may be at the target, by key."""

    def before(self, outbound: Outbound, known: Known | None) -> Outcome | None:
        """The fate of an entity that need not be sent, or None for one that goes out."""
        if known is None:
            return None
        outbound.generation = known.deliveries
        if known.maybe is not None or known.unheard:
            outbound.generation = known.generation(outbound.hash)
        outbound.delivered = known.delivered_hash is not None
        gone = known.deliveries and not outbound.delivered
        if outbound.target_id is None and (outbound.deleted or not gone):
            outbound.target_id = known.target_id
        if known.delivered_version is not None and self._older(outbound, known.delivered_version):
            return self._fate(outbound, "superseded")
        if known.status in KEPT and known.version is not None and self._older(outbound, known.version):
            return self.superseded(outbound)  # a newer state waits to be delivered
        if known.delivered_hash == outbound.hash and known.maybe is None and not outbound.deleted and not self._always:
            return Outcome(key=outbound.key, status="unchanged", version=outbound.version, hash=outbound.hash)
        if self._came_before(outbound, known):
            return self._fate(outbound, "superseded")
        if self._is_held(outbound, known):
            return self._still_in_doubt(outbound, known)
        if known.hash != outbound.hash:
            if not self._taken_over_for_nothing(outbound, known):
                return None
            delivered = known.status == "delivered"
            return self._fate(outbound, "superseded") if delivered else self.superseded(outbound)
        # the very state that is still open
        if known.status == "in_doubt" and known.next_attempt is None:
            return self._still(outbound, known)
        if known.status == "waiting":
            return self._still(outbound, known)
        if known.status == "retrying" and known.attempts and (known.next_attempt or 0) > self._services.now():
            return self._still(outbound, known)
        return None

    def _came_before(self, outbound: Outbound, known: Known) -> bool:
        """Whether it is the very state that was delivered last, and newer ones came since, which may be there."""
        if known.delivered_hash != outbound.hash or outbound.deleted or self._always:
            return False
        if outbound.version is None or known.version is None or known.delivered_version is None:
            return False
        very = compare(outbound.version, known.delivered_version) == "equal"
        return very and compare(outbound.version, known.version) == "older"

    def _older(self, outbound: Outbound, version: str) -> bool:
        """Whether an entity's state is older than one that is known. Where their versions are of two kinds nobody
        knows: it is not, and people are told, once. A deletion has the time of its fetch, and is newer than what was.
        """
        if outbound.version is None:
            return True
        order = compare(outbound.version, version)
        if order == "unlike" and not outbound.deleted and not self._told_unlike:
            self._told_unlike = True
            self._services.log.warning(
                "entity.version gives values that cannot be compared: of %s %s it is %s, and it was %s before. Such "
                "states count in the order in which they come, so that an older one may replace a newer one. Fix it, "
                "so that fetch and events give the same kind",
                self._entity,
                outbound.key,
                kind_of_version(outbound.version),
                kind_of_version(version),
            )
        return order == "older"

    @staticmethod
    def _taken_over_for_nothing(outbound: Outbound, known: Known) -> bool:
        """Whether its row, which was *pending* since the run took it over, tells of a state that came after it."""
        if not outbound.carried or known.status in ("pending", "in_flight"):
            return False
        now = known.delivered_version if known.status == "delivered" else known.version
        return now is not None and outbound.passed_by(now, known.hash)

    def _in_doubt(self, outbound: Outbound, known: Known | None) -> bool:
        """Whether the target may hold this very state, and must not simply be sent it again. Whatever its row says
        since: that a newer state was filtered, refused, or is in doubt as well, tells nothing of this one."""
        sent = outbound.unanswered or (known is not None and known.may_be_there(outbound.hash))
        return sent and self.policy != "resend"

    def _is_held(self, outbound: Outbound, known: Known) -> bool:
        """Whether it is in doubt until a person has looked. Who has, and wants it sent, has made it *retrying*; but one
        that is so because a run left it unsent may be there from another run."""
        retried = known.status in _GOES_AGAIN and known.error_class not in _LEFT_UNSENT
        released = known.hash == outbound.hash and retried
        return self.policy == "hold" and known.may_be_there(outbound.hash) and not released

    def _still_in_doubt(self, outbound: Outbound, known: Known) -> Outcome:
        if known.hash == outbound.hash and known.status in KEPT - _GOES_AGAIN:
            return self._still(outbound, known)
        outcome = self.after(outbound, Result("in_doubt", reason=UNANSWERED), known)
        outcome.unanswered = False  # it was not sent now: what the target may hold is in the row already
        return outcome

    def unanswered(self, known: Known | None, outbound: Outbound) -> bool:
        """Whether this very state is unanswered: an earlier run sent it, and it goes out alone, or is asked for."""
        if known is None:
            return False
        return (known.hash == outbound.hash and known.error_class == "unknown") or self._in_doubt(outbound, known)

    def superseded(self, outbound: Outbound, met: OutageError | None = None) -> Outcome:
        """A later state of it is what counts, and is not delivered yet. ``met`` is the outage that it met when it was
        sent."""
        outcome = self._fate(outbound, "superseded")
        outcome.unanswered = outbound.unanswered if met is None else self.maybe_there(outbound, met)
        if outcome.unanswered and self.in_steps:
            self._may_have_arrived.setdefault(outbound.key, set()).add(outbound.hash)
        return outcome

    def forget_outdated_steps(self, outbound: Outbound) -> None:
        """Of a state that waits behind another one of its key. Where that has other content, which may have arrived by
        now, the steps that the target had confirmed of this one before no longer count. They were read when the state
        was reserved, so the ledger could not tell."""
        if self._may_have_arrived.get(outbound.key, set()) - {outbound.hash}:
            outbound.progress = None

    def leased(self, outbound: Outbound, known: Known | None) -> Outcome:
        """Another run has a state of it in flight."""
        if outbound.unanswered and self.policy != "resend":
            return self.after(outbound, Result("in_doubt", reason=UNANSWERED), known)
        outcome = self._open(outbound, "retrying", known)
        outcome.error_class, outcome.reason = LEASED, "another run of the route is sending a state of it"
        outcome.next_attempt = self._services.now() + LEASED_SECONDS
        return outcome

    def after(self, outbound: Outbound, result: Result, known: Known | None) -> Outcome:
        """What the target's answer makes of it."""
        status = result.status
        if status == "delivered" or status == "skipped":
            fate = self._fate(outbound, status)
            fate.target_id, fate.reason = result.target_id, self.told(outbound, result)
            return fate if status == "delivered" else _with_steps(fate, outbound)
        later = transient(self._retry, result.http_status) if result.later is None else result.later
        if status == "failed" and later:
            return self.again(outbound, known, result.cause or "refused", result)
        outcome = _with_steps(self._open(outbound, "failed", known, tried=True), outbound)
        outcome.status = status  # failed, in_doubt or waiting
        outcome.target_id, outcome.http_status = result.target_id, result.http_status
        outcome.reason = self.told(outbound, result)
        outcome.error_class = result.cause or {"in_doubt": "unknown", "waiting": "waiting"}.get(status, "refused")
        outcome.unanswered |= status in ("in_doubt", "waiting") or outcome.error_class in _MAY_HAVE_WORKED
        if status == "in_doubt":
            outcome.error_class = "unknown"
            if self.policy != "hold" and result.later is not False:
                outcome.next_attempt = self._when(outcome, result.retry_after)
        elif status == "waiting" and result.deadline is not None:
            outcome.deadline = self._services.now() + result.deadline
        return outcome

    def delivered(self, outbounds: Sequence[Outbound], results: Sequence[Result]) -> list[Outcome]:
        """The same as :meth:`after` for a batch of which everything was delivered: most of what ever happens."""
        return [
            Outcome(
                key=outbound.key,
                status="delivered",
                version=outbound.version,
                hash=outbound.hash,
                target_id=result.target_id,
                payload_stage="push",
                payload_at=outbound.at,
                deleted=outbound.deleted,
            )
            for outbound, result in zip(outbounds, results, strict=True)
        ]

    def again(
        self, outbound: Outbound, known: Known | None, cause: str, result: Result, *, burnt: bool = True
    ) -> Outcome:
        """It is tried again later, or has failed where it was tried often or long enough.

        ``burnt`` is False where the target was away altogether: that is not an attempt of the entity's own.
        """
        outcome = _with_steps(self._open(outbound, "retrying", known, tried=burnt), outbound)
        outcome.error_class, outcome.http_status = cause, result.http_status
        doubtful = self._in_doubt(outbound, known)
        if burnt:
            outcome.unanswered |= cause in _MAY_HAVE_WORKED
        if doubtful or (not burnt and self.unanswered(known, outbound)):
            outcome.error_class = "unknown"  # what is not known of an earlier time stays so
        outcome.reason = self.told(outbound, result)
        outcome.next_attempt = self._when(outcome, result.retry_after)
        if outcome.next_attempt is None:
            outcome.status = "in_doubt" if doubtful else "failed"
            outcome.reason = f"given up after {outcome.attempts} attempts: {outcome.reason}"
        return outcome

    def set_aside(self, entry: SetAside, last: Outbound) -> Outcome:
        """An entity that met an outage while the target worked for others, or that waits behind such a one. ``last`` is
        the last state of its key."""
        chunk, _, outbound, error = entry
        known = chunk.known.get(outbound.key)
        if outbound is not last:
            return self.superseded(outbound, error)
        if error is None:
            self.forget_outdated_steps(outbound)
            result = Result("pending", reason="an earlier state of it could not be delivered")
            return self.again(outbound, known, "behind", result, burnt=False)
        result = Result("pending", reason=str(error), http_status=error.status, retry_after=error.retry_after)
        outcome = self.again(outbound, known, cause_of(error), result)
        outcome.unanswered = self.maybe_there(outbound, error)
        return outcome

    def maybe_there(self, outbound: Outbound, error: OutageError | None) -> bool:
        """Whether the target may hold this state, or a part of it, that met an outage."""
        return outbound.unanswered or _partly_there(outbound) or self._unanswered_after(error)

    def _unanswered_after(self, error: OutageError | None) -> bool:
        """Whether what met this outage may have taken effect. A kind that must not repeat says *in doubt* instead."""
        return self._repeatable and error is not None and leaves_unanswered(error)

    def told(self, outbound: Outbound, result: Result) -> str | None:
        """The reason as people may read it: the target may quote what it was sent."""
        if not self._hiding or result.reason is None:
            return result.reason
        return self._hiding.reason(result.reason, outbound.encoded, outbound.source)

    def _when(self, outcome: Outcome, retry_after: float | None) -> float | None:
        """The next attempt; the same moment for all of a batch that has to go out again as it was."""
        if outcome.batch is None:
            return self._next_attempt(outcome, retry_after)
        if outcome.batch not in self._moments:
            self._moments[outcome.batch] = self._next_attempt(outcome, retry_after)
        return self._moments[outcome.batch]

    def _next_attempt(self, outcome: Outcome, retry_after: float | None) -> float | None:
        now = self._services.now()
        return next_attempt(
            self._retry,
            attempts=outcome.attempts,
            since=outcome.since if outcome.since is not None else now,
            now=now,
            retry_after=retry_after,
            rng=self._services.rng,
        )

    def _fate(self, outbound: Outbound, status: Status) -> Outcome:
        return Outcome(
            key=outbound.key,
            status=status,
            version=outbound.version,
            hash=outbound.hash,
            payload_stage="push",
            payload_at=outbound.at,
            deleted=outbound.deleted,
        )

    def _open(self, outbound: Outbound, status: Status, known: Known | None, *, tried: bool = False) -> Outcome:
        outcome = self._fate(outbound, status)
        outcome.unanswered = outbound.unanswered
        same = known is not None and known.hash == outbound.hash
        outcome.batch = outbound.batch
        outcome.attempts = (known.attempts if same and known is not None else 0) + tried
        outcome.since = known.since if same and known is not None and known.since else self._services.now()
        return outcome

    def _still(self, outbound: Outbound, known: Known) -> Outcome:
        outcome = self._open(outbound, known.status, known)
        outcome.next_attempt, outcome.deadline, outcome.error_class = (
            known.next_attempt,
            known.deadline,
            known.error_class,
        )
        outcome.reason = "nothing new since: it was left as it is"
        return outcome


def _partly_there(outbound: Outbound) -> bool:
    """The target has confirmed steps of it, and not all."""
    return outbound.progress is not None and outbound.progress.begun


def _with_steps(outcome: Outcome, outbound: Outbound) -> Outcome:
    """The outcome, with what the target has confirmed of an entity that goes in steps: a part of it is there."""
    progress = outbound.progress
    if progress is not None and (progress.begun or progress.stored):
        outcome.steps, outcome.unanswered = progress.dump(), progress.begun
    return outcome


def leaves_unanswered(error: OutageError) -> bool:
    """No answer says nothing, and a server's error may come after its work was done."""
    return error.status is None or error.status >= 500


def known_after(known: Known | None, outcome: Outcome) -> Known:
    """What is known of an entity, for a further state of it in the same chunk, once a state of it has its fate."""
    if known is None:
        known = Known(outcome.status, None, None, None, 0, None, 0, None, None, None, None)
    if outcome.status == "delivered":
        return Known(
            "delivered",
            None,
            None if outcome.deleted else outcome.hash,
            outcome.version,
            known.deliveries + 1,
            outcome.target_id or known.target_id,
            0,
            None,
            None,
            None,
            None,
            unheard=known.unheard if known.maybe is None else (known.unheard or 0) + 1,
        )
    if outcome.unanswered:
        known = known.sent_unanswered(outcome.hash)
    if outcome.status == "superseded":  # it was about an older state than what is known
        return known
    still_open = outcome.status in KEPT
    confirmed = outcome.version if outcome.status == "unchanged" else None
    return msgspec.structs.replace(
        known,
        delivered_version=confirmed or known.delivered_version,
        status=outcome.status,
        hash=outcome.hash if still_open else None,
        attempts=outcome.attempts,
        since=outcome.since,
        next_attempt=outcome.next_attempt,
        deadline=outcome.deadline,
        error_class=outcome.error_class,
        version=outcome.version,
    )

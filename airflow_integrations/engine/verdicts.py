"""From what the target said to an entity's fate: what is final, what is tried again and when, what a person decides."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_integrations.delivery import InDoubt
from airflow_integrations.engine.hiding import Hiding
from airflow_integrations.engine.retry_policy import next_attempt, transient
from airflow_integrations.engine.traffic import Limbo
from airflow_integrations.entity import older
from airflow_integrations.ledger.records import LEASED, Known, Outcome
from airflow_integrations.ledger.status import KEPT, Status
from airflow_integrations.outgoing import Outbound, Outgoing, Result
from airflow_integrations.outgoing.causes import cause_of
from airflow_integrations.route import Route
from airflow_integrations.run import Services

__all__ = ["LEASED_SECONDS", "Verdicts"]

LEASED_SECONDS = 30.0
"""What another run has under way is looked at again so much later."""


class Verdicts:
    """The rules of one route's delivery at work."""

    def __init__(self, route: Route, outgoing: Outgoing, services: Services) -> None:
        self._retry = route.delivery.retry
        self._always = route.delivery.resend == "always"
        self._services = services
        self._moments: dict[str, float | None] = {}
        self._hiding = Hiding(route)
        self.policy: InDoubt = route.delivery.in_doubt or ("resend" if outgoing.repeatable else "hold")

    def before(self, ordinal: int, outbound: Outbound, known: Known | None) -> Outcome | None:
        """The fate of an entity that need not be sent, or None for one that goes out."""
        if known is None:
            return None
        outbound.generation = known.deliveries
        if outbound.target_id is None:
            outbound.target_id = known.target_id
        if known.delivered_version is not None and older(outbound.version, known.delivered_version):
            return self._fate(ordinal, outbound, "superseded")
        if known.status in KEPT and known.version is not None and older(outbound.version, known.version):
            return self._fate(ordinal, outbound, "superseded")  # a newer state waits to be delivered
        if known.delivered_hash == outbound.hash and not outbound.deleted and not self._always:
            if not _may_have_arrived(known):
                return Outcome(key=outbound.key, status="unchanged", version=outbound.version, hash=outbound.hash)
            return None
        if known.hash != outbound.hash:
            return None
        # the very state that is still open
        if known.status == "in_doubt" and known.next_attempt is None:
            return self._still(ordinal, outbound, known)
        if known.status == "waiting":
            return self._still(ordinal, outbound, known)
        if known.status == "retrying" and known.attempts and (known.next_attempt or 0) > self._services.now():
            return self._still(ordinal, outbound, known)
        return None

    def doubtful(self, known: Known | None, outbound: Outbound) -> bool:
        """Whether this very state may have arrived: an earlier run sent it and heard nothing."""
        return known is not None and known.hash == outbound.hash and known.error_class == "unknown"

    def superseded(self, ordinal: int, outbound: Outbound) -> Outcome:
        """A later state of it is what counts."""
        return self._fate(ordinal, outbound, "superseded")

    def leased(self, ordinal: int, outbound: Outbound, known: Known | None) -> Outcome:
        """Another run has a state of it under way."""
        outcome = self._open(ordinal, outbound, "retrying", known)
        outcome.error_class, outcome.reason = LEASED, "another run of the route is sending a state of it"
        outcome.next_attempt = self._services.now() + LEASED_SECONDS
        return outcome

    def after(self, ordinal: int, outbound: Outbound, result: Result, known: Known | None) -> Outcome:
        """What the target's answer makes of it."""
        status = result.status
        if status == "delivered" or status == "skipped":
            fate = self._fate(ordinal, outbound, status)
            fate.target_id, fate.reason = result.target_id, self.told(outbound, result)
            return fate
        if status == "failed" and transient(self._retry, result.http_status):
            return self.again(ordinal, outbound, known, result.cause or "refused", result)
        outcome = self._open(ordinal, outbound, "failed", known, tried=True)
        outcome.status = status  # failed, in_doubt or waiting
        outcome.target_id, outcome.http_status = result.target_id, result.http_status
        outcome.reason = self.told(outbound, result)
        outcome.error_class = result.cause or {"in_doubt": "unknown", "waiting": "waiting"}.get(status, "refused")
        if status == "in_doubt":
            outcome.error_class = "unknown"
            if self.policy != "hold":
                outcome.next_attempt = self._when(outcome, result.retry_after)
        elif status == "waiting" and result.deadline is not None:
            outcome.deadline = self._services.now() + result.deadline
        return outcome

    def delivered(
        self, ordinals: Sequence[int], outbounds: Sequence[Outbound], results: Sequence[Result]
    ) -> list[Outcome]:
        """The same as :meth:`after` for a batch of which everything was delivered: most of what ever happens."""
        return [
            Outcome(
                key=outbound.key,
                status="delivered",
                version=outbound.version,
                hash=outbound.hash,
                target_id=result.target_id,
                payload_stage="push",
                payload_at=ordinal,
                deleted=outbound.deleted,
            )
            for ordinal, outbound, result in zip(ordinals, outbounds, results, strict=True)
        ]

    def again(
        self, ordinal: int, outbound: Outbound, known: Known | None, cause: str, result: Result, *, burnt: bool = True
    ) -> Outcome:
        """It is tried again later, or has failed where it was tried often or long enough.

        ``burnt`` is False where the target was away altogether: that is no attempt of the entity's own.
        """
        outcome = self._open(ordinal, outbound, "retrying", known, tried=burnt)
        outcome.error_class, outcome.http_status = cause, result.http_status
        outcome.reason = self.told(outbound, result)
        outcome.next_attempt = self._when(outcome, result.retry_after)
        if outcome.next_attempt is None:
            outcome.status = "failed"
            outcome.reason = f"given up after {outcome.attempts} attempts: {outcome.reason}"
        return outcome

    def limbo(self, limbo: Limbo, last: Outbound) -> Outcome:
        """An entity that met an outage while the target worked for others, or that waits behind such a one. ``last`` is
        the last state of its key."""
        chunk, ordinal, outbound, error = limbo
        known = chunk.known.get(outbound.key)
        if outbound is not last:
            return self.superseded(ordinal, outbound)
        if error is None:
            result = Result("pending", reason="an earlier state of it could not be delivered")
            return self.again(ordinal, outbound, known, "behind", result, burnt=False)
        result = Result("pending", reason=str(error), http_status=error.status, retry_after=error.retry_after)
        return self.again(ordinal, outbound, known, cause_of(error), result)

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

    def _fate(self, ordinal: int, outbound: Outbound, status: Status) -> Outcome:
        return Outcome(
            key=outbound.key,
            status=status,
            version=outbound.version,
            hash=outbound.hash,
            payload_stage="push",
            payload_at=ordinal,
            deleted=outbound.deleted,
        )

    def _open(
        self, ordinal: int, outbound: Outbound, status: Status, known: Known | None, *, tried: bool = False
    ) -> Outcome:
        outcome = self._fate(ordinal, outbound, status)
        same = known is not None and known.hash == outbound.hash
        outcome.batch = outbound.batch
        outcome.attempts = (known.attempts if same and known is not None else 0) + tried
        outcome.since = known.since if same and known is not None and known.since else self._services.now()
        return outcome

    def _still(self, ordinal: int, outbound: Outbound, known: Known) -> Outcome:
        outcome = self._open(ordinal, outbound, known.status, known)
        outcome.next_attempt, outcome.deadline, outcome.error_class = (
            known.next_attempt,
            known.deadline,
            known.error_class,
        )
        outcome.reason = "nothing new since: it was left as it is"
        return outcome


def _may_have_arrived(known: Known) -> bool:
    """Whether the target may have another state than the one that was delivered last: an open one, sent since."""
    tried = (
        known.error_class in ("outage", "server") and known.attempts > 0
    )  # an error may come after the work was done
    sent = tried or known.error_class in ("unknown", "waiting")
    return sent and known.hash is not None and known.hash != known.delivered_hash

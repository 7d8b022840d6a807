"""What the ledger is to do with leases and rows, in plain Python."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_integrations.ledger.status import Status

KEYS = [f"k{number}" for number in range(4)]
RUNS = ["a", "b", "c"]
LEASE = 10.0
FATES: list[Status] = [
    "delivered", "unchanged", "superseded", "filtered", "merged", "rejected",
    "failed", "retrying", "in_doubt", "waiting", "skipped",
]  # fmt: skip
OPEN = ("rejected", "failed", "retrying", "in_doubt", "waiting")


@dataclass
class Entity:
    status: Status
    run: str
    lease: float | None = None
    next_attempt: float | None = None
    deliveries: int = 0
    delivered: str | None = None
    seen: str = ""


@dataclass
class Claim:
    run: str
    first: int
    count: int
    keys: set[str]
    lease: float
    lost: bool = False


@dataclass
class Model:
    now: float = 100.0
    entities: dict[str, Entity] = field(default_factory=dict)
    claims: dict[int, Claim] = field(default_factory=dict)
    applied: dict[str, int] = field(default_factory=lambda: dict.fromkeys(RUNS, 0))

    def held(self, run: str) -> set[str]:
        """Keys that other runs have leased."""
        live = (claim.keys for claim in self.claims.values() if claim.run != run and claim.lease >= self.now)
        return set().union(*live)

    def pending_elsewhere(self, run: str) -> set[str]:
        return {
            key
            for key, one in self.entities.items()
            if one.status == "pending" and one.run != run and one.lease is not None and one.lease >= self.now
        }

    def take_from_the_dead(self, run: str, keys: set[str]) -> None:
        for claim in self.claims.values():
            if claim.run != run and claim.lease < self.now and claim.keys & keys:
                claim.keys -= keys
                claim.lost, claim.lease = True, 0.0

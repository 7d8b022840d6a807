"""A request and its answer as people read them: the first line, headers, an empty line, the body."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_integrations.display.printable import pretty
from airflow_integrations.http.errors import reason_phrase
from airflow_integrations.http.exchange import Exchange

__all__ = ["KEPT_BYTES", "answer_behind", "answered", "asked", "own_part", "whose"]

KEPT_BYTES = 4_096
"""Of an answer that broke a stage off: its reason may stand behind much else."""


def answer_behind(error: BaseException) -> str | None:
    """The answer that an error came from, up to KEPT_BYTES of it on one line, without secrets; None: it has none."""
    answer = getattr(error, "answer", None)
    if answer is None or not hasattr(answer, "excerpt") or not answer.content:
        return None
    return f"HTTP {reason_phrase(answer.status)}: {answer.excerpt(KEPT_BYTES)}"


def asked(exchange: Exchange) -> str:
    return _message(exchange.request, exchange.request_headers, exchange.request_body)


def whose(exchange: Exchange) -> str | None:
    """Where the entity's own part of the request is, where only the beginning of a batch's request was kept."""
    if exchange.part is not None:
        return f"the request is that of a batch of {exchange.entities or 0:,} entities, and its beginning was kept"
    if exchange.entities is None or not (exchange.request_body or "").endswith("…"):
        return None
    return (
        f"the request is that of a batch of {exchange.entities:,} entities, and its beginning was kept: this entity's "
        "part may be behind it; it is made of the payload, as it goes to the target"
    )


def own_part(exchange: Exchange) -> str | None:
    """The entity's own part of a batch's request, where it is not in what was kept of the request."""
    return None if exchange.part is None else pretty(exchange.part).rstrip("\n")


def answered(exchange: Exchange) -> str:
    """Of no answer: why there is none."""
    told = [f"in {exchange.seconds:.2f} s"] if exchange.seconds is not None else []
    if (exchange.attempts or 1) > 1:
        told.append(f"to attempt {exchange.attempts}")
    status = "no answer" if exchange.status is None else f"HTTP {reason_phrase(exchange.status)}"
    first = ", ".join([status, *told])
    if exchange.error:
        first += f"\n{exchange.error}"
    return _message(first, exchange.headers, exchange.body)


def _message(first: str, headers: Mapping[str, str], body: str | None) -> str:
    lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["", pretty(body).rstrip("\n")]
    return "\n".join(lines)

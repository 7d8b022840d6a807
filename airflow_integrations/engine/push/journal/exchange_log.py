"""Keep the request and answer of each entity that did not simply arrive, beside the journal.

It is for people alone: nothing depends on it, and a push that is killed may lose the last of it. One JSON object a
line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

import msgspec

from airflow_integrations.http.exchange import Exchange, ExchangeFactory
from airflow_integrations.ledger.records import PayloadRef
from airflow_integrations.masking.mask import Mask, hide
from airflow_integrations.masking.reasons import Hiding
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.route.definition import Route
from airflow_integrations.staging.folder import Staging

__all__ = ["KEPT", "Exchanges", "exchange_of", "held_exchange_files", "hold_exchanges"]

KEPT = 500
"""Exchanges that an attempt of a push keeps: those behind them are like them."""
KEPT_LENGTH = 16_000
"""Characters of each body that are kept."""
PART_LENGTH = 4_000
"""Characters of an entity's own part of a batch's request that are kept, where it stands behind what is kept of it."""
PARTS = 50
"""Entities of one batch whose own part is kept."""
AT_ONCE = 25
"""So many become one object, in a store without append."""
_NAME = "push.exchanges"
_PARTS = "push-exchanges-"
_HELD = "held-exchanges-"
"""How files begin that hold them of payloads which are kept when their run begins anew."""
_TEXTS = ("request", "request_headers", "request_body", "part", "headers", "body", "error")


class _Line(msgspec.Struct, frozen=True):
    ordinals: tuple[int, ...]
    entities: int
    """How many the request was about, or more."""
    masked: frozenset[str]
    """The names of the mask that was at work."""
    exchange: Exchange
    parts: dict[int, str] = {}
    """By ordinal: an entity's own part of a batch's request."""


_decode = msgspec.json.Decoder(_Line).decode


class Exchanges:
    """Those of one attempt of a part. Costs nothing as long as everything is delivered."""

    def __init__(self, staging: Staging, route: Route, part: int = 0) -> None:
        self._staging = staging
        self._name, self._parts = (f"{_PARTS}p{part}", f"{_PARTS}p{part}-") if part else (_NAME, _PARTS)
        self._hiding = Hiding(Mask(route.mask, entity=route.entity.name))
        self._noted = 0
        self._file: IO[bytes] | None = None
        self._waiting: list[bytes] = []
        self._part: int | None = None

    def of(self, ordinals: Sequence[int], outbounds: Sequence[Outbound], results: Sequence[Result]) -> None:
        """Note those that came with the results of a batch."""
        found: dict[int, tuple[ExchangeFactory, list[int]]] = {}
        for ordinal, result in zip(ordinals, results, strict=True):
            if result.exchange is not None:
                found.setdefault(id(result.exchange), (result.exchange, []))[1].append(ordinal)
        if not found or self._noted >= KEPT:
            return
        secrets, batch = self._secrets(outbounds), dict(zip(ordinals, outbounds, strict=True))
        for exchange, about in found.values():
            self._note(about, batch, exchange, secrets)

    def note(self, ordinals: Sequence[int], outbounds: Sequence[Outbound], exchange: ExchangeFactory | None) -> None:
        """``outbounds``: the whole batch, for the request may quote any of it."""
        if exchange is not None and self._noted < KEPT:
            batch = dict(zip(ordinals, outbounds, strict=True))
            self._note(ordinals, batch, exchange, self._secrets(outbounds))

    def close(self) -> None:
        """Write what is not written yet."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._write_part()

    def _note(
        self,
        ordinals: Sequence[int],
        batch: Mapping[int, Outbound],
        exchange: ExchangeFactory,
        secrets: frozenset[str],
    ) -> None:
        if self._noted >= KEPT:
            return
        self._noted += 1
        said = exchange()
        parts = {at: hide(part, secrets) for at, part in _parts_of(said.request_body, ordinals, batch)}
        shown = _shortened(_hidden(said, secrets))
        line = _Line(tuple(ordinals), len(batch), self._hiding.names, shown, parts)
        self._write(msgspec.json.encode(line) + b"\n")

    def _secrets(self, outbounds: Sequence[Outbound]) -> frozenset[str]:
        return self._hiding.secrets(*_payloads(outbounds)) if self._hiding else frozenset()

    def _write(self, line: bytes) -> None:
        if self._staging.local:
            if self._file is None:
                self._staging.folder.mkdir(parents=True, exist_ok=True)
                self._file = (self._staging.folder / self._name).open("ab", buffering=0)
            self._file.write(line)
            return
        self._waiting.append(line)
        if len(self._waiting) >= AT_ONCE:
            self._write_part()

    def _write_part(self) -> None:
        if self._waiting:
            if self._part is None:
                self._part = len(_files(self._staging))
            self._staging.write(f"{self._parts}{self._part:06d}", b"".join(self._waiting))
            self._part += 1
            self._waiting = []


def exchange_of(
    staging: Staging, ref: PayloadRef, mask: Mask, secrets: frozenset[str], *, known: bool
) -> Exchange | None:
    """The last one that an entity was in, as people may see it. ``staging`` is any run's of the route.

    ``secrets``: what the mask names in the entity's own payloads; ``known``: those payloads were all there.
    None: none was kept, or it is gone.
    """
    if ref.stage != "push" or not ref.folder:
        return None
    there = staging.sibling(ref.folder)
    names = _files(there, _HELD) if ref.held else _files(there)
    for line in _latest_first(there, names):
        if ref.line in line.ordinals:
            return _as_shown(line, ref.line, mask, secrets, known)
    return None


def hold_exchanges(staging: Staging, attempt: int, places: Mapping[int, int]) -> None:
    """Keep the last exchange of entities whose payloads are held. ``places``: ordinal in push to place in held."""
    left, kept = set(places), list[bytes]()
    for line in _latest_first(staging, _files(staging)) if places else ():
        if about := sorted(left.intersection(line.ordinals)):
            left.difference_update(about)
            parts = {places[at]: line.parts[at] for at in about if at in line.parts}
            held = msgspec.structs.replace(line, ordinals=tuple(places[at] for at in about), parts=parts)
            kept.append(msgspec.json.encode(held) + b"\n")
    if kept:
        staging.write(f"{_HELD}{attempt:06d}", b"".join(kept))


def held_exchange_files(staging: Staging) -> set[str]:
    """The files of :func:`hold_exchanges`."""
    return set(_files(staging, _HELD))


def _latest_first(staging: Staging, names: Sequence[str]) -> Iterator[_Line]:
    for name in reversed(names):
        try:
            content = (staging.folder / name).read_bytes()
        except FileNotFoundError:  # retention came in between
            continue
        for encoded in reversed(content.split(b"\n")):
            try:
                yield _decode(encoded)
            except msgspec.DecodeError:  # the last one, cut short by a crash
                continue


def _as_shown(line: _Line, at: int, mask: Mask, secrets: frozenset[str], known: bool) -> Exchange:
    """By the mask as it is now: where it has grown since, and others were in the request or a payload of the entity is
    gone, no content is told."""
    if (line.entities > 1 or not known) and not mask.names <= line.masked:
        return msgspec.structs.replace(line.exchange, request_body=None, body=None, error=None)
    exchange = line.exchange
    if line.entities > 1:
        exchange = msgspec.structs.replace(exchange, entities=line.entities, part=line.parts.get(at))
    return _hidden(exchange, secrets)


def _files(staging: Staging, begin: str = _PARTS) -> list[str]:
    """Oldest first."""
    if not staging.folder.exists():
        return []
    names = [path.name for path in staging.folder.iterdir()]
    return sorted(name for name in names if name.startswith(begin) or (begin == _PARTS and name == _NAME))


def _parts_of(body: str | None, ordinals: Sequence[int], batch: Mapping[int, Outbound]) -> Iterator[tuple[int, str]]:
    """What in a batch's long request is about each of some entities: its JSON where the request is made of that, else
    what stands around its key."""
    if body is None or len(batch) < 2 or len(body) <= KEPT_LENGTH:
        return
    made_of_json = next(iter(batch.values())).encoded.decode("utf-8", "replace") in body
    for at in ordinals[:PARTS]:
        outbound = batch[at]
        own = outbound.encoded.decode("utf-8", "replace")
        if made_of_json:
            if not 0 <= body.find(own) < KEPT_LENGTH - len(own):  # else it is in what is kept
                yield at, own if len(own) <= PART_LENGTH else own[: PART_LENGTH - 1] + "…"
        elif (found := re.search(rf"(?<!\w){re.escape(outbound.key)}(?!\w)", body)) and found.end() >= KEPT_LENGTH:
            first = max(0, found.start() - PART_LENGTH // 2)
            yield at, f"…{body[first : first + PART_LENGTH]}…"


def _payloads(outbounds: Sequence[Outbound]) -> list[object]:
    return [form for outbound in outbounds for form in (outbound.encoded, outbound.source)]


def _hidden(exchange: Exchange, secrets: frozenset[str]) -> Exchange:
    if not secrets:
        return exchange
    return msgspec.structs.replace(exchange, **{name: hide(getattr(exchange, name), secrets) for name in _TEXTS})


def _shortened(exchange: Exchange) -> Exchange:
    request, answer = _short(exchange.request_body), _short(exchange.body)
    return msgspec.structs.replace(exchange, request_body=request, body=answer)


def _short(text: str | None) -> str | None:
    return text if text is None or len(text) <= KEPT_LENGTH else text[: KEPT_LENGTH - 1] + "…"

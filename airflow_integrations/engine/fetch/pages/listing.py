"""Notices records that moved while a source was read by position, and reads it again until what came is settled.

Where a source is paged by offset or page number, a record that leaves moves all behind it up, and one of them is never
seen. What tells: keys that come twice, fewer keys than the source counts, a count that falls.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from airflow_integrations.engine.segment_lines import key_of_line
from airflow_integrations.incoming import Incoming, Page
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import SegmentRef

__all__ = ["PASSES", "STAYS", "ListingWatch", "settled_pages"]

PASSES = 3
"""A listing is read three times at most."""
STAYS = "The route's mark and cursor stay, and nothing is deleted"
_PARTS = 256


class _Records:
    """64-bit hashes of keys and of their records, 16 bytes a record: a set of them would take eight times as much."""

    def __init__(self) -> None:
        self.keys = [array("q") for _ in range(_PARTS)]
        self.lines = [array("q") for _ in range(_PARTS)]
        """Beside their keys, until they are sealed."""
        self._sealed = False
        self.count = self.total = 0

    def add(self, key: int, line: int) -> None:
        part = key % _PARTS
        self.keys[part].append(key)
        self.lines[part].append(line)
        self.count += 1
        self.total += line

    def has_key(self, key: int) -> bool:
        return key in self.keys[key % _PARTS]

    def has_line(self, key: int, line: int) -> bool:
        part = self.lines[key % _PARTS]
        if not self._sealed:
            return line in part
        place = bisect_left(part, line)
        return place < len(part) and part[place] == line

    def distinct_keys(self) -> int:
        return sum(len(set(part)) for part in self.keys)

    def distinct_lines(self) -> int:
        return sum(len(set(part)) for part in self.lines)

    def repeated(self) -> dict[int, int]:
        """The keys that came more than once, each with its last record."""
        found: dict[int, int] = {}
        for keys, lines in zip(self.keys, self.lines, strict=True):
            if len(set(keys)) < len(keys):
                twice = {key for key, count in Counter(keys).items() if count > 1}
                found.update((key, line) for key, line in zip(keys, lines, strict=True) if key in twice)
        return found

    def seal(self) -> None:
        """From now on records are only looked up."""
        self.lines = [array("q", sorted(part)) for part in self.lines]
        self._sealed = True


class _Pass:
    """What one reading of the listing brought."""

    def __init__(self) -> None:
        self.records = _Records()
        self.page: set[int] = set()
        """The keys of the page that is being taken."""
        self.expected = 0
        """Records whose key came before for a known reason: on the same page, or because their page was read again."""
        self.total: int | None = None
        self.doubt: str | None = None


class ListingWatch:
    """Told of every record and page of a listing; decides whether it is read again."""

    def __init__(self, unsettled: str | None = None) -> None:
        self.unsettled = unsettled
        """Why records may be missing for good; None where none are."""
        self._now = _Pass()
        self._before: _Pass | None = None
        self._passes = 1
        self._repeated: dict[int, int] = {}
        """Of keys that came more than once: the hash of the record that was staged last."""

    def begin(self) -> None:
        """A new listing, such as the next piece of a window."""
        self._now, self._before, self._passes, self._repeated = _Pass(), None, 1, {}

    def staged(self, staging: Staging, segments: Sequence[SegmentRef]) -> None:
        """What an earlier attempt has staged of it."""
        for block in staging.blocks(segments):
            for line in block.split(b"\n"):
                if line:
                    self._now.records.add(hash(key_of_line(line)), hash(line))

    def doubt(self, why: str) -> None:
        """Records of this reading may be missing: the listing is read again."""
        self._now.doubt = why

    def page(self, page: Page) -> None:
        """The page whose records follow."""
        now = self._now
        now.page = set()
        if page.total is not None:
            now.total = page.total if now.total is None else min(now.total, page.total)
        now.doubt = page.doubt or now.doubt

    def wants(self, key: str, line: bytes, *, again: bool) -> bool:
        """Whether a record is to be staged; ``again``: its place was read before. False for one that is staged."""
        now, key_, line_ = self._now, hash(key), hash(line)
        if again:
            if now.records.has_line(key_, line_):
                return False
            now.expected += now.records.has_key(key_)
        elif key_ in now.page:
            now.expected += 1
        now.page.add(key_)
        now.records.add(key_, line_)
        before = self._before
        if before is None:
            return True
        if key_ in self._repeated:  # its states stay in the order in which the source last gave them
            known, self._repeated[key_] = self._repeated[key_], line_
            return known != line_
        return not before.records.has_line(key_, line_)

    def reads_again(self) -> bool:
        """Called behind the last page: whether the listing is read once more."""
        now, before = self._now, self._before
        distinct = now.records.distinct_keys()
        repeats = now.records.count - distinct - now.expected
        known = distinct + now.expected
        short = now.total is not None and known < now.total
        if not repeats and not short and now.doubt is None:
            return False
        if before is not None and now.doubt is None and _same(before, now):
            return False  # the source stood still: it has several records of a key, all of them different
        if self._passes >= PASSES:
            what = [now.doubt] if now.doubt else []
            what += [f"{repeats} records came with a key that another page had brought"] if repeats else []
            what += [f"{known} different keys came of {now.total} records"] if short else []
            self.unsettled = (
                f"the records moved while they were read page by page ({'; '.join(what)}), {PASSES} times in a row: "
                f"some may be missing. {STAYS}. Where the source gives "
                "records from a value or a token, use style keyset or style cursor; otherwise ask it for a stable and "
                "unique order, for example by id, ascending. Where it has several records of a key, "
                "write pagination.repeats: true"
            )
            return False
        self._passes += 1
        repeated = now.records.repeated()
        if before is not None:  # what came last of these may have been staged before the others
            repeated = dict.fromkeys(repeated, 0)
        self._repeated = repeated | self._repeated
        now.records.seal()
        self._before, self._now = now, _Pass()
        return True


def _same(one: _Pass, other: _Pass) -> bool:
    """Whether two readings brought the same records, none of them twice and as many as the source counts."""
    was, now = one.records, other.records
    alike = (was.count, was.total) == (now.count, now.total)
    return alike and now.distinct_lines() == now.count and (other.total is None or now.count >= other.total)


async def settled_pages(
    incoming: Incoming, run: Run, services: Services, resume: Any, watch: ListingWatch | None
) -> AsyncGenerator[Page, None]:
    """The pages of one listing, read again as long as ``watch`` wants. Only the very last has no ``resume``.

    Pages that are read again have ``final=False`` and no saved place: a fetch that breaks off among them goes on from
    the last place of the first reading.
    """
    place = resume
    while True:
        last = None
        async with aclosing(incoming.pages(run, services, place)) as pages:
            async for page in pages:
                if page.resume is None:
                    last = page
                    break
                yield page if place is resume else replace(page, resume=None, final=False)
            if last is not None:
                if watch is None or not last.by_position:
                    yield last
                    return
                yield replace(last, final=False)
        if watch is None or not watch.reads_again():
            yield Page([])
            return
        services.log.info("records moved while they were read page by page; the source is read again")
        place = None
        resume = _AGAIN


_AGAIN = object()
"""Never a saved place: from the second reading on no page has one."""

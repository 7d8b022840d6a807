"""``entity.group``: the lines that a source gives become the records of entities.

An entity is whole when the source has given all it has, so nothing is handed on before that. Until then the lines lie
in a temporary file of SQLite's: memory does not grow with their number. A line that cannot be read may belong to any
entity; where a source keeps the lines of one together, as exports do, that is the one before it or the one behind it.
Both are rejected rather than handed on with a line too few.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, closing
from typing import Any

from msgspec import Raw
from msgspec.structs import replace

from airflow_integrations.entity import key_text, older
from airflow_integrations.errors import EntityError, SetupError
from airflow_integrations.formats import BadRecord, ContentError, bad_record
from airflow_integrations.formats.json import decode, encode, encode_anyhow
from airflow_integrations.formats.partial import PartReader
from airflow_integrations.formats.unwritable_json import NOT_JSON, why_not_json
from airflow_integrations.incoming import Gone, Page
from airflow_integrations.route.grouping import GroupOptions
from airflow_integrations.staging.manifest import SourcePiece

__all__ = ["MOST_BYTES", "MOST_LINES", "grouped_pages"]

MOST_LINES = 10_000
"""Lines of one entity. One with more is rejected, and so is one whose lines have more than ``MOST_BYTES``."""
MOST_BYTES = 16 * 1024 * 1024
_PAGE_ENTITIES, _PAGE_BYTES = 1_000, 4 * 1024 * 1024

_CREATE = """
CREATE TABLE entity (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, head BLOB NOT NULL, same BLOB NOT NULL, version TEXT,
    lines INTEGER NOT NULL, bytes INTEGER NOT NULL, broken TEXT);
CREATE TABLE line (position INTEGER PRIMARY KEY, entity INTEGER NOT NULL, content BLOB NOT NULL);
"""
_FIND = "SELECT id, same, version, lines, bytes, broken FROM entity WHERE key = ?"
_NEW = "INSERT INTO entity (key, head, same, version, lines, bytes) VALUES (?, ?, ?, NULL, 0, 0)"
_KEEP = "UPDATE entity SET version = ?, lines = ?, bytes = ?, broken = ? WHERE id = ?"
_LINE = "INSERT INTO line (entity, content) VALUES (?, ?)"
_ENTITIES = "SELECT id, head, version, broken FROM entity ORDER BY id"
_LINES = "SELECT entity, content FROM line ORDER BY entity, position"


async def grouped_pages(pages: AsyncGenerator[Page, None], options: GroupOptions) -> AsyncGenerator[Page, None]:
    """Pages of entities, in the order of their first lines, behind an empty page for each page of lines.

    No page has a saved place: a fetch that breaks off starts over. Raises SetupError for a source that is read by
    position, where nobody knows whether a line came twice.
    """
    with closing(_Lines(options)) as lines:
        finished: tuple[SourcePiece, ...] = ()
        async with aclosing(pages):
            async for page in pages:
                if page.by_position:
                    raise SetupError(
                        "entity.group needs each line once; this source is paged by position, and may give one twice "
                        "or not at all while it changes. Use a pagination.style that goes on from a value or a token"
                    )
                finished += page.finished
                yield Page(lines.take(page), final=False, acknowledgements=page.acknowledgements)
                if page.resume is None and page.final:
                    break
        for records, versions in lines.entities():
            yield Page(records, versions=versions, final=False)
        if not lines.intact:  # nobody knows from which pieces the lines came
            finished = tuple(replace(piece, intact=False) for piece in finished)
        yield Page([], finished=finished)


class _Lines:
    """All lines, each with its entity."""

    def __init__(self, options: GroupOptions) -> None:
        self._options = options
        wanted = (*options.by, *options.same)
        self._part = PartReader(None if options.fill else [(name,) for name in wanted])
        self._filled: dict[str, Any] = {}
        self._at: _Entity | None = None
        """The entity of the line before; None behind one that cannot be read."""
        self._unread = False
        """Whether the line before cannot be read."""
        self.intact = True
        """Whether all that came so far is in an entity that is handed on."""
        # "" is a private file that spills from a small cache and is gone when the process is, however it ends
        self._held = sqlite3.connect("", isolation_level=None)
        self._held.execute("PRAGMA journal_mode = OFF")
        self._held.execute("PRAGMA synchronous = OFF")
        self._held.executescript(_CREATE)

    def close(self) -> None:
        self._held.close()

    def take(self, page: Page) -> list[Any]:
        """Keep the lines of a page. Gives those that cannot be read: each is rejected by itself."""
        bad: list[Any] = []
        self._held.execute("BEGIN")
        for place, record in enumerate(page.records):
            try:
                self._line(record, page.versions[place] if page.versions else None)
            except EntityError as error:
                bad.append(self._bad(record, error.reason))
        self._let_go()
        self._held.execute("COMMIT")
        return bad

    def _line(self, record: Any, version: str | None) -> None:
        if type(record) is BadRecord or type(record) is Gone:
            raise EntityError(record.reason if type(record) is BadRecord else "the source no longer has this line")
        try:
            line = self._part.value(record)
        except ContentError as error:
            raise EntityError(str(error)) from None
        if type(line) is not dict:
            raise EntityError("a line is an object with named fields; this one is something else")
        if self._options.fill:
            record = line = self._fill(line)
        key = self._key(line)
        try:
            content = bytes(record) if type(record) is Raw else encode(record)
            same = encode([line.get(name) for name in self._options.same])
            entity = self._entity(key, line, same)
        except NOT_JSON as error:
            raise EntityError(why_not_json(error, line, "the entity")) from None
        entity.add(content, same, version, self._options)
        if entity.broken is None:
            self._held.execute(_LINE, (entity.id, content))
        if self._unread:
            why = f"the line before one of {entity.name} cannot be read, and may be one of them"
            entity.broken, self._unread = entity.broken or why, False

    def _fill(self, line: dict[str, Any]) -> dict[str, Any]:
        """The line with what it leaves to the line before it."""
        before, self._filled = self._filled, {}
        for name in self._options.fill:
            if line.get(name) in (None, "") and name in before:
                line = {**line, name: before[name]}
            if name in line:
                self._filled[name] = line[name]
        return line

    def _key(self, line: dict[str, Any]) -> str:
        parts = []
        for name in self._options.by:
            try:
                parts.append(key_text(line.get(name)))
            except EntityError:
                raise EntityError(f"the line has no usable {name}, which says to which entity it belongs") from None
        return encode(parts).decode()

    def _entity(self, key: str, line: dict[str, Any], same: bytes) -> _Entity:
        if self._at is not None and self._at.key == key:
            return self._at
        self._let_go()
        row = self._held.execute(_FIND, (key,)).fetchone()
        if row is None:
            head = encode({name: line[name] for name in (*self._options.by, *self._options.same) if name in line})
            new = self._held.execute(_NEW, (key, head, same)).lastrowid
            row = (new, same, None, 0, 0, None)
        self._at = _Entity(key, _name(self._options, key), *row)
        return self._at

    def _let_go(self) -> None:
        """Write down what is known of the entity of the line before."""
        if (at := self._at) is not None:
            self._held.execute(_KEEP, (at.version, at.lines, at.bytes, at.broken, at.id))

    def _bad(self, record: Any, reason: str) -> Any:
        if (at := self._at) is not None:
            at.broken = at.broken or f"the line behind one of {at.name} cannot be read, and may be one of them"
            self._let_go()
        self._at, self._unread, self._filled, self.intact = None, True, {}, False
        if type(record) is BadRecord:
            return record
        content = bytes(record) if type(record) is Raw else encode_anyhow(record)
        return bad_record(reason, content.decode("utf-8", "replace"))

    def entities(self) -> Iterator[tuple[list[Any], list[str] | None]]:
        """Their records and versions, a page at a time."""
        records: list[Any] = []
        versions: list[str | None] = []
        size = 0
        for head, version, broken, lines in self._with_lines():
            name = encode(self._options.lines)
            content = b"%b,%b:[%b]}" % (head[:-1], name, b",".join(lines))
            if broken is None:
                records.append(Raw(content))
            else:
                self.intact = False
                records.append(bad_record(broken, content.decode("utf-8", "replace")))
            versions.append(version)
            size += len(content)
            if len(records) >= _PAGE_ENTITIES or size >= _PAGE_BYTES:
                yield records, _all(versions)
                records, versions, size = [], [], 0
        if records:
            yield records, _all(versions)

    def _with_lines(self) -> Iterator[tuple[bytes, str | None, str | None, list[bytes]]]:
        """Head, version, what is wrong, and lines of each entity."""
        every = self._held.execute(_LINES)
        line = every.fetchone()
        for id_, *told in self._held.execute(_ENTITIES):
            lines = []
            while line is not None and line[0] == id_:
                lines.append(line[1])
                line = every.fetchone()
            yield (*told, lines)


class _Entity:
    """One entity of the source's lines, while they come."""

    __slots__ = ("broken", "bytes", "id", "key", "lines", "name", "same", "version")

    def __init__(
        self, key: str, name: str, id_: int, same: bytes, version: str | None, lines: int, size: int, broken: str | None
    ) -> None:
        self.key = key
        self.name = name
        self.id = id_
        self.same = same
        self.version = version
        self.lines = lines
        self.bytes = size
        self.broken = broken

    def add(self, content: bytes, same: bytes, version: str | None, options: GroupOptions) -> None:
        self.lines += 1
        self.bytes += len(content)
        if self.version is None or older(self.version, version):
            self.version = version
        if self.broken is not None:
            return
        if same != self.same:
            self.broken = f"{_different(options)} not the same in all lines of {self.name}: line {self.lines} differs"
        elif self.lines > MOST_LINES:
            self.broken = f"{self.name} has over {MOST_LINES:,} lines; at most {MOST_LINES:,} make one entity"
        elif self.bytes > MOST_BYTES:
            self.broken = f"the lines of {self.name} have over {MOST_BYTES // 1024**2} MiB"


def _different(options: GroupOptions) -> str:
    return f"{options.same[0]} is" if len(options.same) == 1 else f"one of {', '.join(options.same)} is"


def _name(options: GroupOptions, key: str) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(options.by, decode(key.encode()), strict=True))


def _all(versions: list[str | None]) -> list[str] | None:
    given = [version for version in versions if version is not None]
    return given if len(given) == len(versions) else None

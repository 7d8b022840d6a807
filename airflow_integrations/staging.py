"""Where a run's entities lie between its tasks: bounded, compressed segments, and a manifest for each stage.

    <base>/<route>/<run>/fetch.json                  manifest of the fetch stage
                         fetch-00000.jsonl.zst       a segment: one JSON array a line; of a later fetch of the run
                                                     fetch-1-00000.jsonl.zst
                         transform.json, transform-00000.jsonl.zst, …
                         problems-transform-00000.jsonl.zst   entities that were rejected, with the reason
                         carried-0-00000.jsonl.zst   entities taken over from earlier runs, as transform writes them
                         retried-0-00000.jsonl.zst   rejected ones of earlier runs that go through transform again
                         push.journal                what became of each entity at the target
                         push.exchanges              what was asked and answered where something did not arrive

Paths are the same for every attempt of a run; a file is written aside and renamed, so it is whole or not there.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from airflow_integrations.compression import compress, open_reader
from airflow_integrations.errors import RunError

__all__ = ["Manifest", "Piece", "Reads", "SegmentRef", "SegmentWriter", "Staging", "StagingStage"]

StagingStage = Literal["fetch", "transform", "push"]
STAGES: tuple[StagingStage, ...] = ("fetch", "transform", "push")

_OWNERS = {"carried": "fetch", "retried": "fetch"}
"""Whose files they are, where their names begin otherwise."""

SEGMENT_BYTES = 4 * 1024 * 1024
"""Uncompressed bytes after which a segment is closed: bounds the memory of the stage that writes it."""
SEGMENT_ENTITIES = 10_000
"""Entities after which a segment is closed."""
BLOCK_BYTES = 64 * 1024
"""Uncompressed bytes that are decoded at a time: what they become stays in the processor's cache from step to step."""


class SegmentRef(msgspec.Struct, frozen=True):
    """One segment: its file's name in the run's folder, how many lines it has and their uncompressed bytes."""

    name: str
    entities: int
    bytes: int


class Piece(msgspec.Struct, frozen=True):
    """A segment of fetched records, as routes that read them need to know it."""

    segment: SegmentRef
    version: str
    """What records have that have no version of their own: when their fetch began, in microseconds."""
    first: int
    """How many records of that fetch come before it."""


class Reads(msgspec.Struct, frozen=True):
    """Which fetches of another route a run reads: those with a number above ``after``, and up to ``upto``."""

    source: str
    after: int
    upto: int


class Manifest(msgspec.Struct, kw_only=True):
    """What a stage has done: written after its segments, read by the next stage."""

    route: str
    run_id: str
    stage: StagingStage
    route_hash: str
    window: tuple[str, str]
    path: str = ""
    complete: bool = False
    """False while the stage is under way: then it says from where a retry goes on."""
    entities: int = 0
    """How many go on to the next stage."""
    counts: dict[str, int] = {}
    passed: list[int] = []
    """transform: how many entities came out of each of its steps."""
    segments: list[SegmentRef] = []
    problems: list[SegmentRef] = []
    carried: list[SegmentRef] = []
    """fetch: entities taken over from earlier runs, in transform's lines; push sends them after the run's own."""
    retried: list[SegmentRef] = []
    """fetch: those of ``segments`` that were taken over: rejected entities that go through transform again."""
    taken: bool = False
    """fetch: whether it has taken over what was due. Where it starts over, that stays."""
    events: int = 0
    """fetch: how many events of the inbox it has taken."""
    reads: Reads | None = None
    """fetch: which fetches of another route its records come from."""
    earlier: list[Piece] = []
    """fetch: what the run had fetched before it began anew, as long as another route has yet to read it."""
    number: int | None = None
    """fetch: what :attr:`earlier` is known as to those routes."""
    staged_events: list[int] | None = None
    """fetch: the numbers of those whose entities are staged, where the run takes events for as long as it goes on.
    None: all that it has taken, once it is complete."""
    attempt: int = 0
    """fetch: how often it has begun anew; part of the names of what it took over."""
    version: str | None = None
    """fetch: what entities have that have no version of their own: when the fetch began, in microseconds."""
    since: str | None = None
    """fetch: the cursor that the source was asked with."""
    cursor: str | None = None
    """fetch: the route's cursor once this run is settled; None where the run does not move it."""
    resume: Any = None
    saved_at: float = 0.0
    """Seconds since the epoch when it was written."""
    seconds: float = 0.0
    """How long the stage has worked, all attempts that this manifest builds on together."""
    warnings: list[str] = []

    def pieces(self) -> list[Piece]:
        """fetch: the records that other routes may read, in their order. Not those that were taken over: they were
        fetched by an earlier run."""
        found, first = list(self.earlier), 0
        for segment in self.segments[len(self.retried) :] if self.complete else ():
            found.append(Piece(segment, self.version or "0", first))
            first += segment.entities
        return found


_manifest_decoder = msgspec.json.Decoder(Manifest)


def _safe(name: str) -> str:
    """A file name for any run id, reversible for people where it is short."""
    text = quote(name, safe="+-_.:").replace(":", "_")
    if len(text) > 150 or text.startswith("."):
        text = f"{re.sub(r'[^A-Za-z0-9_-]', '_', text[:100])}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return text


class Staging:
    """The folder of one run. ``base`` is a local path, ``file://…``, any fsspec URL, or a path object."""

    def __init__(self, base: Any, route: str, run_id: str) -> None:
        self.base = _path(base)
        self.route = route
        self.run_id = run_id
        self.folder = self.base / _safe(route) / _safe(run_id)
        self.local = isinstance(self.folder, Path)

    def sibling(self, folder: str) -> Staging:
        """Another run's folder, from its :attr:`folder` as text. Below the same base it is reached in the same way."""
        base, _, run_id = folder.rpartition("/")
        found = object.__new__(Staging)
        inside = f"{self.base}/"
        found.base, found.route, found.run_id = self.base, base.rpartition("/")[2], run_id
        found.folder = self.base / folder.removeprefix(inside) if folder.startswith(inside) else _path(folder)
        found.local = isinstance(found.folder, Path)
        return found

    # manifests

    def manifest(self, stage: StagingStage) -> Manifest | None:
        """The manifest of a stage, or None where that stage has not begun (or was cleared)."""
        try:
            return _manifest_decoder.decode((self.folder / f"{stage}.json").read_bytes())
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise RunError(
                f"the manifest {self.folder / f'{stage}.json'} is damaged ({error}): clear the run from fetch"
            ) from None

    def completed(self, stage: StagingStage, *, route_hash: str) -> Manifest:
        """The finished manifest of the stage before. Raises RunError where it is missing or of another definition."""
        manifest = self.manifest(stage)
        if manifest is None or not manifest.complete:
            raise RunError(
                f"{stage} has left no finished manifest in {self.folder}: clear the run from {stage} "
                "(staging must be one folder or bucket that every worker sees)"
            )
        if manifest.route_hash != route_hash:
            raise RunError("the route changed since this run fetched: clear the run from fetch")
        return manifest

    def save(self, manifest: Manifest) -> None:
        manifest.path = str(self.folder / f"{manifest.stage}.json")
        self.write(f"{manifest.stage}.json", msgspec.json.encode(manifest))

    # files

    def write(self, name: str, content: bytes) -> None:
        """Write a file as a whole: it is there completely or not at all, also after a crash."""
        target = self.folder / name
        if self.local:
            aside = target.with_name(name + ".part")
            try:
                aside.write_bytes(content)
            except FileNotFoundError:
                self.folder.mkdir(parents=True, exist_ok=True)
                aside.write_bytes(content)
            aside.replace(target)
        else:  # object stores publish an object when it is closed
            target.write_bytes(content)

    def clear(self, *stages: StagingStage, keep: Collection[str] = ()) -> None:
        """Forget what these stages left behind, but for the files named in ``keep``."""
        if not self.folder.exists():
            return
        for path in list(self.folder.iterdir()):
            stage = path.name.removeprefix("problems-").partition(".")[0].partition("-")[0]
            if _OWNERS.get(stage, stage) in stages and path.name not in keep:
                path.unlink(missing_ok=True)

    def clean(self) -> None:
        """Remove the run's folder."""
        if self.local:
            shutil.rmtree(self.folder, ignore_errors=True)
        elif self.folder.exists():
            self.folder.fs.rm(self.folder.path, recursive=True)

    def size(self) -> int:
        """Bytes of the run's files as they lie there, compressed."""
        return sum(path.stat().st_size for path in self.folder.iterdir()) if self.folder.exists() else 0

    def blocks(self, segments: Iterable[SegmentRef]) -> Iterator[bytes]:
        """The lines of the segments in order, in blocks of whole lines of about 64 KB."""
        for segment in segments:
            try:
                raw = (self.folder / segment.name).open("rb")
            except FileNotFoundError:
                raise RunError(f"the segment {self.folder / segment.name} is gone: clear the run from fetch") from None
            with raw, open_reader(raw) as stream:
                rest = b""
                while block := stream.read(BLOCK_BYTES):
                    whole, newline, tail = block.rpartition(b"\n")
                    if newline:
                        yield rest + whole
                        rest = tail
                    else:
                        rest += block
                if rest:
                    yield rest


def _path(base: Any) -> Any:
    if isinstance(base, Path):
        return base
    text = str(base)
    if "://" not in text:
        return Path(text)
    if text.startswith("file://"):
        return Path(text.removeprefix("file://"))
    if not isinstance(base, str):
        return base
    from upath import UPath

    return UPath(text)


class SegmentWriter:
    """Collects lines and closes a segment when it is full. ``prefix`` is the stage, or ``problems-<stage>``."""

    def __init__(self, staging: Staging, prefix: str, segments: list[SegmentRef] | None = None) -> None:
        self._staging = staging
        self._prefix = prefix
        self._lines: list[bytes] = []
        self._bytes = 0
        self.segments: list[SegmentRef] = list(segments or ())

    @property
    def full(self) -> bool:
        return self._bytes >= SEGMENT_BYTES or len(self._lines) >= SEGMENT_ENTITIES

    @property
    def pending(self) -> int:
        """Lines that are not yet in a segment."""
        return len(self._lines)

    def add(self, line: bytes) -> None:
        self._lines.append(line)
        self._bytes += len(line) + 1

    def close_segment(self) -> bytes:
        """Write what was collected as one segment; nothing where nothing was collected. Gives its lines, too."""
        if not self._lines:
            return b""
        name = f"{self._prefix}-{len(self.segments):05d}.jsonl.zst"
        content = b"\n".join(self._lines)
        self._staging.write(name, compress(content))
        self.segments.append(SegmentRef(name, len(self._lines), self._bytes))
        self._lines = []
        self._bytes = 0
        return content

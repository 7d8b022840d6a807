"""Where a run's entities lie between its tasks: bounded, compressed segments, and a manifest for each stage.

    <base>/<route>/<run>/fetch.json                  manifest of the fetch stage
                         fetch.json.copy             the same once more, read where the first one is damaged
                         fetch-00000.jsonl.zst       a segment: one JSON array a line; of a later fetch of the run
                                                     fetch-1-00000.jsonl.zst
                         transform.json, transform-00000.jsonl.zst, …
                         problems-transform-00000.jsonl.zst   entities that were rejected, with the reason
                         filtered-00000.jsonl.zst    entities that a step left out, with the step
                         carried-0-00000.jsonl.zst   entities taken over from earlier runs, as transform writes them
                         retried-0-00000.jsonl.zst   rejected ones of earlier runs that go through transform again
                         held-1-00000.jsonl.zst      payloads of entities that wait for a person, an answer or another
                                                     run while this run is fetched again
                         held-exchanges-000001       what was asked and answered last of those
                         push.journal                what became of each entity at the target
                         definition.zst              what the run works by, with the content of the files it names
                         push.exchanges              what was asked and answered where something did not arrive
                         push-p1.json, push-p1.journal, push-exchanges-p1, …   the same of the further parts of a push
                                                     that is spread over several tasks
                         fetch-p1.json, fetch-p1-1767225600000000-00000.jsonl.zst, …   what a partition of the source
                                                     has, where several tasks fetch
                         share.json, share-p1.json, transform-p1-00000.jsonl.zst, …   what the task of each part has
                                                     transformed, where transform is spread, too

Paths are the same for every attempt of a run; a file is written aside and renamed, so it is whole or not there.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from airflow_integrations.errors import RunError
from airflow_integrations.staging.compression import DAMAGED, compress, open_reader
from airflow_integrations.staging.manifest import Manifest, SegmentRef, StagingStage, manifest_decoder

__all__ = ["DamagedManifest", "Staging"]

log = logging.getLogger("airflow_integrations")

_COPY = ".copy"
_OWNERS = {
    **dict.fromkeys(("carried", "retried", "held", "answers"), "fetch"),
    **dict.fromkeys(("filtered", "share"), "transform"),
}
"""Whose files they are, where their names begin otherwise."""

BLOCK_BYTES = 64 * 1024
"""Uncompressed bytes that are decoded at a time: what they become stays in the processor's cache from step to step."""


def _safe(name: str) -> str:
    """A file name for any run id, reversible for people where it is short."""
    text = quote(name, safe="+-_.:").replace(":", "_")
    if len(text) > 150 or text.startswith("."):
        text = f"{re.sub(r'[^A-Za-z0-9_-]', '_', text[:100])}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return text


class DamagedManifest(RunError):
    """A manifest and its copy cannot be read: what the run has staged cannot be found any more."""

    def __init__(self, path: Any, error: Exception) -> None:
        super().__init__(
            f"the manifest {path} is damaged and has no sound copy ({error}). If you have a backup of one of them, put "
            f"it back as {path} and clear the run from fetch. If not, leave the folder as it is and start another run "
            "of the same window: it fetches the entities again; what was delivered is not sent again. Entities that "
            "the source does not give again stay open in the ledger, without their payload"
        )


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

    def manifest(self, stage: StagingStage, part: int = 0) -> Manifest | None:
        """The manifest of a stage, of one part where it has some, or None where it has not begun (or was cleared).

        The copy counts where the manifest is damaged, and where that of fetch is gone: fetch never removes it. Raises
        DamagedManifest where both are damaged.
        """
        path = self.folder / _manifest_name(stage, part)
        try:
            return manifest_decoder.decode(path.read_bytes())
        except FileNotFoundError:
            return self._copied(path) if stage == "fetch" else None
        except _UNREADABLE as error:
            if (copied := self._copied(path)) is None:
                raise DamagedManifest(path, error) from None
            log.warning("the manifest %s is damaged (%s): its copy is used", path, error)
            return copied

    def _copied(self, path: Any) -> Manifest | None:
        try:
            return manifest_decoder.decode((self.folder / (path.name + _COPY)).read_bytes())
        except (FileNotFoundError, *_UNREADABLE):
            return None

    def completed(self, stage: StagingStage, *, route_hash: str) -> Manifest:
        """The finished manifest of the stage before. Raises RunError where it is missing or of another definition."""
        manifest = self.manifest(stage)
        if manifest is None or not manifest.complete:
            raise RunError(
                f"{stage} has left no finished manifest in {self.folder}: clear the run from {stage} "
                "(staging must be one folder or bucket that every worker sees)"
            )
        if manifest.route_hash != route_hash:
            raise RunError(
                "what the route does with data changed since this run fetched: clear the task fetch of this run, with "
                "Downstream; nothing that was delivered is sent again"
            )
        return manifest

    def save(self, manifest: Manifest) -> None:
        name = _manifest_name(manifest.stage, manifest.part)
        manifest.path = str(self.folder / name)
        content = msgspec.json.encode(manifest)
        self.write(name + _COPY, content)
        self.write(name, content)

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

    def write_packed(self, name: str, content: bytes) -> None:
        """The same, compressed."""
        self.write(name, compress(content))

    def read_packed(self, name: str) -> bytes | None:
        """What :meth:`write_packed` wrote, or None. Raises ValueError where it is damaged."""
        try:
            with (self.folder / name).open("rb") as raw, open_reader(raw) as stream:
                content: bytes = stream.read()
                return content
        except FileNotFoundError:
            return None
        except DAMAGED as error:
            raise ValueError(f"{name} is damaged: {error}") from None

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def clear(self, *stages: StagingStage, keep: Collection[str] = ()) -> None:
        """Forget what these stages left behind, but for the files named in ``keep``."""
        if not self.folder.exists():
            return
        for path in list(self.folder.iterdir()):
            stage = path.name.removeprefix("problems-").partition(".")[0].partition("-")[0]
            if _OWNERS.get(stage, stage) in stages and path.name.removesuffix(_COPY) not in keep:
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
        """The lines of the segments in order, in blocks of whole lines of about 64 KB.

        Raises RunError for a segment that is gone, or that is not the one which the manifest tells of.
        """
        for segment in segments:
            try:
                raw = (self.folder / segment.name).open("rb")
            except FileNotFoundError:
                raise RunError(f"the segment {self.folder / segment.name} is gone: clear the run from fetch") from None
            with raw, open_reader(raw) as stream:
                rest, length = b"", 1
                while block := stream.read(BLOCK_BYTES):
                    length += len(block)
                    whole, newline, tail = block.rpartition(b"\n")
                    if newline:
                        yield rest + whole
                        rest = tail
                    else:
                        rest += block
                if rest:
                    yield rest
            if length != segment.bytes:
                raise RunError(
                    f"the segment {self.folder / segment.name} has {length - 1:,} bytes, and its manifest says "
                    f"{segment.bytes - 1:,}: another process has written it since, such as an attempt that was given "
                    "up and was still at work. Clear the run from fetch; nothing that was delivered is sent again"
                )


_UNREADABLE = (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError)


def _manifest_name(stage: StagingStage, part: int) -> str:
    return f"{stage}-p{part}.json" if part else f"{stage}.json"


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

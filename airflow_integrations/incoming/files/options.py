"""The options of ``incoming: {files: …}``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import ConnectionId, Duration, check_timezone
from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.files.pgp.options import PgpRead
from airflow_integrations.files.place import checked_path
from airflow_integrations.formats.records_format import RecordsFormat, RecordsFormatName
from airflow_integrations.incoming.files.name_dates import check_pattern

__all__ = ["FilePartitions", "FilesIncomingConfig", "MoveTo", "NameDate", "Settled"]


class FilePartitions(Model):
    """The files of a run in parts that follow each other in the files' order.

    Example:
        files: 10
    """

    files: Annotated[int, Field(strict=True, ge=1, le=100_000)]
    """How many files are a part; more where a run would have over 1,000 parts.

    Example: ``files: 10``
    """


class MoveTo(Model):
    """Into another folder.

    Example:
        move: done
    """

    move: Annotated[str, Field(min_length=1, max_length=1000)]
    """The folder, absolute or relative to the file's own, in the same file system.

    Example: ``move: done``
    """


class NameDate(Model):
    """A date in the file's name.

    Example:
        name: orders_%Y-%m-%d
    """

    name: Annotated[str, AfterValidator(check_pattern)]
    """What is looked for in the name: ``%Y`` is the year, ``%m`` the month, ``%d`` the day, ``%H``, ``%M`` and ``%S``
    the time of day, ``%y`` a year of two digits, ``%j`` the day of the year; all else stands for itself.

    Example: ``name: orders_%Y-%m-%d``
    """
    time_zone: Annotated[str, AfterValidator(check_timezone)] = "UTC"
    """The zone of the date.

    Example: ``time_zone: Europe/Madrid``
    """


class Settled(Model):
    """When a file is complete.

    Example:
        marker: .done
    """

    age: Duration | None = None
    """A file is read when it was last changed this long ago. Left out: ``10s``; ``0s`` in object storage, where a
    file appears as a whole, and with ``marker``.

    Example: ``age: 1m``
    """
    marker: Annotated[str, Field(min_length=2, max_length=200, pattern=r"^[^/]+$")] | None = None
    """A file is read when another file beside it says that it is complete: an ending such as ``.done`` behind its name,
    or a name with ``{name}`` or ``{stem}``, its name without the last ending. A marker that is older than its file
    belongs to an earlier one and does not count.

    Example: ``marker: "{stem}.ok"``
    """

    @model_validator(mode="after")
    def _placed(self) -> Self:
        marker = self.marker
        if marker is not None and not marker.startswith(".") and "{name}" not in marker and "{stem}" not in marker:
            raise ValueError("marker is an ending that begins with a dot, or holds {name} or {stem}")
        return self

    def marker_of(self, path: str) -> str | None:
        """The path of the file that says that this one is complete."""
        if self.marker is None:
            return None
        folder, slash, name = path.rpartition("/")
        if self.marker.startswith("."):
            return f"{path}{self.marker}"
        return folder + slash + self.marker.replace("{name}", name).replace("{stem}", name.rpartition(".")[0] or name)


class FilesIncomingConfig(RecordsFormat):
    """Entities from files in a folder, on a server or in a bucket: one for each record.

    Example:
        connection: supplier_sftp
        path: /out/prices_*.csv
        csv: {delimiter: ";"}
        after: {move: done}
    """

    path: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(checked_path)]
    """The files: a path with wildcards (``*``, ``?``, ``[…]``, ``**``), or an fsspec URL such as
    ``s3://bucket/in/*.csv``. With a Connection of type ``sftp``, ``ftp``, ``aws``, … the path is one at that place.

    Example: ``path: /out/prices_*.csv``
    """
    connection: ConnectionId | None = None
    """The Airflow Connection of the place. Left out: this machine's disks, or for a URL the machine's own rights.

    Example: ``connection: supplier_sftp``
    """
    pgp: PgpRead | None = None
    """Each file is encrypted with OpenPGP: it is decrypted, and its signature checked, before any of it is read. An
    ending ``.pgp``, ``.gpg`` or ``.asc`` does not count for the format.

    Example: ``pgp: {connection: bank_pgp}``
    Since: 0.2
    """
    format: RecordsFormatName = "auto"
    """The format of the files. ``auto`` takes it from the ending of their names: ``.csv``, ``.jsonl``, ``.ndjson``,
    ``.xml``, ``.xlsx``, and JSON for others; endings such as ``.txt`` and ``.dat`` say nothing: write the format.

    Example: ``format: csv``
    """
    records: Annotated[Expression, Sees("file")] = Expression("body", "file")
    """The records, a list or a single one.

    Example: ``records: body.orders``
    """
    file_as: Annotated[str, Field(pattern=r"^[A-Za-z]\w*$", max_length=128)] | None = None
    """A field that each record gets besides: its file, an object with ``name``, ``path``, ``size`` and ``modified``.

    Example: ``file_as: source_file``
    """
    again: Annotated[bool, Field(strict=True)] = False
    """Whether every run reads all files, as ``missing`` needs it. Otherwise each file is read once, as long as it does
    not change.

    Example: ``again: true``
    """
    since: Literal["modified"] | NameDate | None = None
    """Only files of the run's window or, of those that were not read, of earlier ones: by the time of their last change
    (``modified``), or by a date in their names. Left out: all files, whatever the window.

    Example: ``since: {name: "orders_%Y-%m-%d"}``
    """
    settled: Settled = Field(default_factory=Settled)
    """When a file is complete; others are left to the next run.

    Example: ``settled: {marker: .done}``
    """
    order: Literal["time", "name"] = "time"
    """Which file comes first: the one that was changed first (with ``since: {name: …}``, the one with the earlier
    date), or the one whose path does.

    Example: ``order: name``
    """
    partitions: FilePartitions | None = None
    """Parts of a run's files that ``tasks.fetch_spread`` tasks fetch side by side, each with its own retries. The
    states of one key stay in the order of the files.

    Example: ``partitions: {files: 10}``
    Since: 0.2
    """
    after: Literal["keep", "delete"] | MoveTo = "keep"
    """What becomes of a file once every entity of its run has its fate: ``keep``, ``delete``, or ``{move: folder}``. A
    file with records that could not be read stays where it is.

    Example: ``after: {move: done}``
    """

    @model_validator(mode="after")
    def _moved_away(self) -> Self:
        if isinstance(self.after, MoveTo):
            folder = self.after.move.strip("/")
            if "**" in self.path and "/" not in self.after.move:
                raise ValueError("after: the folder lies among those that path looks into; give an absolute one")
            if folder in ("", "."):
                raise ValueError("after: the files are in that folder already; name another one")
        if self.after != "keep" and self.again:
            raise ValueError("again: true needs the files in the next run; leave after at keep")
        return self

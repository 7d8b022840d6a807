"""The options of ``outgoing: {files: …}``."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.config.types import ConnectionId
from airflow_integrations.expressions import Sees, Template
from airflow_integrations.files.pgp.options import PGP_ENDINGS, PgpWritten, without_pgp_ending
from airflow_integrations.files.place import checked_path
from airflow_integrations.formats.writing.written_format import FormatWritten, WrittenFile, format_of_name

__all__ = ["FilesOptions"]


class FilesOptions(WrittenFile):
    """A run's entities in one file, or in one file each. A file appears under its name when it is complete.

    Example:
        connection: partner_sftp
        path: /in/orders_{{ window.start | date }}.csv
        csv: {delimiter: ";"}
        done: .done
    """

    connection: ConnectionId | None = None
    """The Airflow Connection of the place. Left out: this machine's disks, or for a URL the machine's own rights.

    Example: ``connection: partner_sftp``
    """
    path: Annotated[Template, Sees("written_file")]
    """The file, from the root or as an fsspec URL, or with a Connection of type ``sftp``, ``ftp``, ``aws``, … its path
    at that place. An ending ``.gz``, ``.zst``, ``.zip`` or ``.tar.gz`` packs it. ``sequence`` in it is a number that
    counts up from file to file; with ``per: entity`` it sees the entity, and ``key``.

    Example: ``path: /out/orders_{{ window.start | date }}.jsonl``
    """
    pgp: PgpWritten | None = None
    """Each file is encrypted with OpenPGP once it is complete. Its name may end in ``.pgp`` or ``.gpg``, or in
    ``.asc``, which writes text; that does not count for the format.

    Example:
        path: /out/orders.csv.pgp
        pgp: {connection: bank_pgp, sign: true}
    Since: 0.2
    """
    per: Literal["run", "entity"] = "run"
    """``run``: one file with all of a run's entities. ``entity``: a file for each, whose ``path`` sees it. A name that
    is empty, leaves its folder, is too long, or is that of another entity of the run fails alone.

    Example:
        per: entity
        path: /out/orders/{{ key }}.xml
        xml: {root: orders, record: order}
    Since: 0.2
    """
    member: Annotated[Template, Sees("written_file")] | None = None
    """Where ``path`` ends in ``.zip`` or ``.tar.gz``: each entity is a file of its own in the run's archive, and is
    called so there. Its ending says the format. Left out: the archive has one file, with all entities.

    Example:
        path: /out/orders_{{ window.start | date }}.zip
        member: orders/{{ key }}.xml
    Since: 0.2
    """
    first: Annotated[int, Field(strict=True, ge=1, le=999_999_999_999)] = 1
    """The ``sequence`` of the route's first file. Each further one has the next number.

    Example:
        path: /out/ORD{{ sequence }}.csv
        first: 4711
    Since: 0.2
    """
    if_exists: Literal["fail", "replace", "number"] = "fail"
    """What happens where a file of this name is there, from another run. ``fail``: nothing is written, and the run
    tries again later (with ``per: entity`` that entity alone); ``replace``; or ``number``: ``orders-2.csv`` is written.
    A run never replaces a file of its own that holds several entities.

    Example: ``if_exists: number``
    """
    done: Annotated[str, Field(min_length=2, max_length=100, pattern=r"^\.[^/]+$")] | None = None
    """The ending of an empty file that is written beside it when it is complete.

    Example: ``done: .done``
    """
    checksum: Literal["sha256"] | None = None
    """Write ``orders.csv.sha256`` beside it, as ``sha256sum`` does, before the ``done`` file.

    Example: ``checksum: sha256``
    """
    most: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 100_000
    """A file is closed behind the batch with which it has this many entities; further ones go into ``orders-2.csv``.
    With 1 each batch (``delivery.batch``) is a file. Without meaning for ``per: entity``.
    What is known of each, about a kilobyte, is held in memory until its file is there.

    Example: ``most: 10000``
    """

    @model_validator(mode="after")
    def _fits(self) -> Self:
        checked_path(self.path.text.partition("{{")[0])
        if not self.folder or self.folder.endswith(":/"):
            raise ValueError(
                "path begins with a fixed folder, such as /out/, in which what is not complete yet is kept"
            )
        if re.search(r"[*?]", re.sub(r"\{\{.*?\}\}", "", self.path.text)):
            raise ValueError(
                "path is the name of one file; write * as what it stands for, such as {{ window.start | date }}"
            )
        if self.pgp is None and self._name.endswith(PGP_ENDINGS):
            raise ValueError("the ending of path is that of encrypted files; write pgp: {connection: …}")
        if self.member is not None and (self.per != "run" or self.packed not in ("zip", "tar.gz")):
            raise ValueError("member needs a path that ends in .zip or .tar.gz, and per: run")
        if self.format is None and self.written is None:
            raise ValueError(
                "the ending of path says nothing of the format; write format: json_lines, json, csv or xml"
            )
        return self

    @property
    def written(self) -> FormatWritten | None:
        """The format; None where nothing says it."""
        name = self._clear_name.removesuffix(f".{self.packed}") if self.member is None else self.member.text
        return self.format or format_of_name(name)

    @property
    def packed(self) -> Literal["gz", "zst", "zip", "tar.gz"] | None:
        """How a file is packed, which the ending of its name says."""
        name = self._clear_name
        if name.endswith((".zip", ".tar.gz")):
            return "zip" if name.endswith(".zip") else "tar.gz"
        return "gz" if name.endswith(".gz") else "zst" if name.endswith(".zst") else None

    @property
    def archive(self) -> Literal["zip", "tar.gz"]:
        """How the files of ``member`` are packed."""
        return "zip" if self.packed == "zip" else "tar.gz"

    def inside(self, path: str) -> str:
        """What the file in an archive is called: as the archive, less the endings that say what it is."""
        name = path.rpartition("/")[2]
        name = name if self.pgp is None else without_pgp_ending(name)
        ending = f".{self.packed}"
        return name[: -len(ending)] if name.lower().endswith(ending) else name

    @property
    def armored(self) -> bool:
        """Whether an encrypted file is text."""
        return self._name.endswith(".asc")

    @property
    def _name(self) -> str:
        return self.path.text.strip().lower()

    @property
    def _clear_name(self) -> str:
        """Less what says that it is encrypted."""
        return self._name if self.pgp is None else without_pgp_ending(self._name)

    @property
    def folder(self) -> str:
        """The folder that every run's file is in or below."""
        return self.path.text.partition("{{")[0].partition("{%")[0].rpartition("/")[0]

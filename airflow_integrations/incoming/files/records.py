"""The records of one file, some hundred at a time, and what of it cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from msgspec import Raw

from airflow_integrations.entity import content_hash
from airflow_integrations.errors import AnswerError, EntityError
from airflow_integrations.expressions.language.field_paths import only_fields
from airflow_integrations.files.pgp.keyring import Keyring
from airflow_integrations.files.pgp.reading import decrypted
from airflow_integrations.files.pgp.verdict import RefusedFile
from airflow_integrations.files.reading import bodies
from airflow_integrations.files.store import FileStore, Found
from airflow_integrations.formats import BadRecord, ContentError, bad_record
from airflow_integrations.formats.edi.acknowledging import Acknowledging
from airflow_integrations.formats.json import encode, encode_anyhow
from airflow_integrations.incoming.files.choice import Chosen
from airflow_integrations.incoming.files.options import FilesIncomingConfig
from airflow_integrations.ledger.inbox.event_reader import record_list
from airflow_integrations.route.definition import Route
from airflow_integrations.staging.acknowledgement import Acknowledgement
from airflow_integrations.window import rfc3339

__all__ = ["FileRecords"]

PAGE = 1000
"""Records that are handed on at once."""
MAX_BAD = 1000
"""Records of one file that cannot be read: with more of them the file is another one than the route expects."""
MAX_RECORDS = 2_000_000
"""Of one document."""

_TAKEN = object()
"""Behind all records of a piece of a file."""
_STOPPED = "what follows was not read"


class FileRecords:
    """Of the files of one fetch, one after the other."""

    def __init__(
        self,
        config: FilesIncomingConfig,
        route: Route,
        names: Mapping[str, Any],
        store: FileStore,
        keyring: Callable[[], Keyring],
    ) -> None:
        """``keyring``: the keys for files that are encrypted."""
        self._config, self._names, self._store, self._keyring = config, names, store, keyring
        self._route = route.route
        self._take = config.records.compile()
        self._plain = config.records.text.strip() == "body"
        found = [only_fields([route.entity.key], name) for name in (route.entity.name, "source")]
        self._columns = frozenset(path[0] for paths in found if paths for path in paths) - {config.file_as}
        self.intact = True
        """Whether all of the last file could be read."""
        self.refused = False
        """Whether nothing of the last file was taken, and it does not count as read."""
        self._answers: Acknowledging | None = None
        self._answered: list[Acknowledgement] = []
        self._place = 0

    def of(self, chosen: Chosen) -> Iterator[tuple[list[Any], list[Acknowledgement]]]:
        """At most a thousand records at a time, with the acknowledgements that follow them or the ones before; a
        BadRecord stands for what cannot be read.

        Raises OutageError, and AnswerError for what cannot be read where the route says ``bad_records: fail``.
        """
        file, self.intact, self.refused = chosen.file, True, False
        bad, count = 0, 0
        self._answers, self._answered, self._place = self._new_answers(), [], 0
        some: list[Any] = []
        shown = _shown(file) if self._config.file_as is not None else None
        try:
            if file.fault:
                raise ContentError(file.fault)
            if chosen.undated:
                raise ContentError("its name has no date as since says; it was not read")
            for record in self._records(file):
                if record is _TAKEN:
                    self._answer(file, shown)
                    if bad > MAX_BAD:
                        raise ContentError(f"over {MAX_BAD:,} records cannot be read; {_STOPPED}")
                    continue
                if type(record) is BadRecord:
                    self.intact, bad = False, bad + 1
                    if bad > MAX_BAD and self._answers is None:
                        raise ContentError(f"over {MAX_BAD:,} records cannot be read; the next one: {record.reason}")
                    record = BadRecord(f"{file.path}: {record.reason}", record.content)
                elif shown is not None and isinstance(record, dict):
                    record[self._config.file_as] = shown
                some.append(record)
                count += 1
                if len(some) == PAGE:
                    yield some, self._new()
                    some = []
        except ContentError as error:
            self.refused = isinstance(error, RefusedFile)
            some.append(self._fault(file, str(error), count))
            self._answer(file, shown, broken_off=True)
        except EntityError as error:
            some.append(self._fault(file, f"records: {error.reason}", count))
            self._answer(file, shown, broken_off=True)
        if some or self._answered:
            yield some, self._new()

    def _new_answers(self) -> Acknowledging | None:
        name = self._config.format
        return Acknowledging(name) if name == "edifact" or name == "x12" else None

    def _answer(self, file: Found, shown: Any, *, broken_off: bool = False) -> None:
        """Take the acknowledgements of what was read until here."""
        if self._answers is None or self.refused:
            return
        for record in self._answers.broken_off() if broken_off else self._answers.take():
            # the same whenever this state of the file is read
            record["id"] = content_hash(encode_anyhow([self._route, file.mark, self._place]))
            record["file"] = {name: _printable(value) for name, value in (shown or _shown(file)).items()}
            self._answered.append(Acknowledgement(file.mark, self._place, Raw(encode(record))))
            self._place += 1

    def _new(self) -> list[Acknowledgement]:
        found, self._answered = self._answered, []
        return found

    def _records(self, file: Found) -> Iterator[Any]:
        config = self._config
        rejects = self._plain and config.bad_records == "reject"
        with ExitStack() as stack:
            content, path = stack.enter_context(self._store.open(file)), file.path
            if config.pgp is not None:
                inside = decrypted(self._keyring(), content, path, signed=config.pgp.signed)
                content, path = stack.enter_context(inside)
            for body in bodies(
                content, path, config, rejects=rejects, required=self._required, empty=False, answers=self._answers
            ):
                names = {**self._names, "body": body, "file": _shown(file)}
                found = body if self._plain and isinstance(body, list) else self._take(names)
                yield from record_list(found, str(config.records), most=MAX_RECORDS)
                if self._answers is not None:
                    yield _TAKEN

    @property
    def _required(self) -> frozenset[str]:
        return self._columns if self._plain else frozenset()

    def _fault(self, file: Found, why: str, count: int) -> BadRecord:
        """In the place of all of a file that cannot be read (further). Raises AnswerError where that is not allowed."""
        self.intact = False
        why = f"{file.path}: {why}" + (f" (the {count} records before it were taken)" if count else "")
        if self._config.bad_records == "fail":
            raise AnswerError(why)
        return bad_record(why, file.path)


def _printable(value: Any) -> Any:
    """Names of files may have bytes that are not text."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _shown(file: Found) -> dict[str, Any]:
    """What expressions see as ``file``."""
    modified = None if file.modified is None else rfc3339(datetime.fromtimestamp(file.modified, UTC))
    return {"name": file.path.rpartition("/")[2], "path": file.path, "size": file.size, "modified": modified}

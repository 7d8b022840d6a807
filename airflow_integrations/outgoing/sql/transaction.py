"""A batch in one transaction: all of it is written with its markers, or nothing. A refused entity fails alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_integrations.errors import IntegrationError, OutageError
from airflow_integrations.outgoing import Result
from airflow_integrations.outgoing.sql.plan import Planned, Planner
from airflow_integrations.outgoing.sql.statements import MissingRowError, call_for, row_exists, write_table
from airflow_integrations.sql.errors import is_of_database, kind_of, what_was_said
from airflow_integrations.sql.markers import Marker, RaceError, claim
from airflow_integrations.sql.session import Session, raised_for

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["AgainError", "BatchWriter", "CommitLostError"]

WRITTEN = "an earlier attempt had written it"
_NOT_THERE = "the target has no row with this key to update"


class AgainError(Exception):
    """The transaction lost a race and was rolled back: the same one may work at once. Its text says to what."""


class CommitLostError(Exception):
    """The connection was lost while the transaction was committed: nobody knows whether it was."""


class BatchWriter:
    """Writes batches over one session; everything here runs on the session's thread."""

    def __init__(self, session: Session, planner: Planner, procedure: str | None, *, marks: bool) -> None:
        self._session = session
        self._database = session.database
        self._planner = planner
        self._procedure = procedure
        self._marks = marks

    def write(self, batch: Sequence[Planned], markers: Sequence[Marker]) -> list[Result]:
        """One result for each. Raises AgainError, CommitLostError, OutageError and SetupError; then nothing was
        written, but for CommitLostError."""
        together = list(zip(batch, markers, strict=True))
        try:
            return self._transaction(together)
        except _RefusedError as refused:
            if len(together) == 1:
                return [refused.result()]
        try:
            return self._transaction(together, parts=True)
        except _RefusedError:
            # refused by the commit, which does not say whom: what a deferred constraint checks
            return [self._alone(each) for each in together]

    def _alone(self, one: tuple[Planned, Marker]) -> Result:
        try:
            return self._transaction([one])[0]
        except _RefusedError as refused:
            return refused.result()

    def _transaction(self, part: list[tuple[Planned, Marker]], *, parts: bool = False) -> list[Result]:
        committing = False
        try:
            connection = self._begin()
            results = self._halved(connection, part) if parts else self._apply(connection, part)
            committing = True
            connection.commit()
        except _RefusedError:
            self._session.rollback()
            raise
        except RaceError:
            self._session.rollback()
            raise AgainError("another attempt writes the same entities at this moment") from None
        except MissingRowError:
            self._session.rollback()
            raise _RefusedError(_NOT_THERE) from None
        except IntegrationError:
            self._session.rollback()
            raise
        except Exception as error:
            if not is_of_database(error):
                self._session.rollback()
                raise
            kind = kind_of(error)
            if committing and kind == "outage":
                self._session.drop()
                raise CommitLostError(what_was_said(error)) from error
            self._session.rollback()
            if kind == "again":
                raise AgainError(what_was_said(error)) from error
            if kind == "refused":
                raise _RefusedError(what_was_said(error)) from error
            raise raised_for(self._database, error) from error
        return results

    def _begin(self) -> Connection:
        connection = self._session.connection
        if connection.in_transaction():
            connection.rollback()
        if self._database.is_mysql and "integrations_level" not in connection.info:
            connection.info["integrations_level"] = _read_committed(connection)
        if self._database.dialect == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.begin()  # what goes past SQLAlchemy, such as COPY, begins none that commit and rollback end
        return connection

    def _halved(self, connection: Connection, part: list[tuple[Planned, Marker]]) -> list[Result]:
        """As :meth:`_apply`, below a savepoint; a refused part is halved until the refused entities are alone."""
        savepoint = connection.begin_nested()
        try:
            results = self._apply(connection, part)
            savepoint.commit()
        except RaceError:
            raise
        except Exception as error:
            missing = isinstance(error, MissingRowError)
            if not missing and not (is_of_database(error) and kind_of(error) == "refused"):
                raise
            savepoint.rollback()
            if len(part) == 1:
                return [_RefusedError(_NOT_THERE if missing else what_was_said(error)).result()]
        else:
            return results
        middle = len(part) // 2
        return [*self._halved(connection, part[:middle]), *self._halved(connection, part[middle:])]

    def _apply(self, connection: Connection, part: list[tuple[Planned, Marker]]) -> list[Result]:
        written: set[str] = set()
        if self._marks:
            written = claim(self._database, connection, [marker for _, marker in part])
        todo = [planned for planned, marker in part if marker.id not in written or self._gone(connection, planned)]
        if self._procedure is not None:
            for planned in todo:
                call_for(connection, self._procedure, planned)
        for place, plan in enumerate(self._planner.tables):
            writes = [write for planned in todo if (write := planned.writes[place]) is not None]
            if writes:
                write_table(self._database, connection, plan, writes)
        fresh = {id(planned) for planned in todo}
        return [
            Result("delivered", planned.target_id, None if id(planned) in fresh else WRITTEN) for planned, _ in part
        ]

    def _gone(self, connection: Connection, planned: Planned) -> bool:
        """Whether a row that was written is not there any more: somebody emptied the table, and expects it anew."""
        written = [(plan, write) for plan, write in zip(self._planner.tables, planned.writes, strict=True) if write]
        modes = {write.mode if plan.keys else "append" for plan, write in written}
        if not written or not modes <= {"upsert", "insert"}:
            return False  # there is something among it that must not be done twice
        there = [row_exists(connection, plan.name, plan.keys, write.row) for plan, write in written]
        return not all(there) if modes == {"upsert"} else not any(there)


def _read_committed(connection: Connection) -> bool:
    """Let MySQL lock rows and not the gaps between them, in which other batches insert: they would block each other.

    With a binary log of statements it takes no writes then; that stays as it is.
    """
    logged = connection.exec_driver_sql("SELECT @@log_bin, @@binlog_format").one()
    possible = not logged[0] or logged[1] != "STATEMENT"
    if possible:
        connection.exec_driver_sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    connection.rollback()
    return possible


class _RefusedError(Exception):
    def result(self) -> Result:
        return Result("failed", reason=str(self), cause="refused")


def lost(error: CommitLostError, *, repeatable: bool, count: int) -> list[Result]:
    """What is known of a batch whose commit was not confirmed: it goes again where that does no harm."""
    why = f"the connection was lost while it was committed: {error}"
    if repeatable:
        raise OutageError(why)
    return [Result("in_doubt", reason=why, cause="unknown")] * count

"""``outgoing: {graphql: …}``: each entity goes by one mutation, and the answer says what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from airflow_integrations.config.model import Model
from airflow_integrations.errors import AnswerError, EntityError, IntegrationError, UnknownOutcome
from airflow_integrations.graphql.options import Placed
from airflow_integrations.http.errors import UnreadableError
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.graphql.options import GraphQLOptions, document_checks, option_mistakes
from airflow_integrations.outgoing.http.answers.reasons import id_text, reason_text, unwritable
from airflow_integrations.outgoing.http.bisect import in_parts
from airflow_integrations.outgoing.http.query import nothing
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services

if TYPE_CHECKING:
    from airflow_integrations.http import Answer, HttpClient
    from airflow_integrations.outgoing.graphql.mutation import Operation
    from airflow_integrations.outgoing.http.recording_client import RecordingClient

__all__ = ["GraphQLOutgoing"]

_NO_DELETE = "the source no longer has it, and outgoing.graphql has no delete to tell the target"
_NO_VERIFY = "outgoing.graphql has no verify to ask the target whether it has arrived"


class GraphQLOutgoing:
    """Delivers by mutations."""

    deletes = True

    Config: ClassVar[type[Model]] = GraphQLOptions

    _client: RecordingClient
    _write: Operation
    _delete: Operation | None = None
    _ask: Operation | None = None

    def __init__(self, config: GraphQLOptions, route: Route) -> None:
        self._options = config
        self._route = route

    @classmethod
    def mistakes(cls, config: GraphQLOptions, route: Route) -> Iterator[Placed]:
        """What is wrong with the options in this route: places below them, and messages."""
        return option_mistakes(config, route)

    @staticmethod
    def check_files(config: GraphQLOptions) -> Iterator[Placed]:
        """What is wrong with the documents, which may stand in files."""
        return document_checks(config)

    @staticmethod
    async def check_online(config: GraphQLOptions, route: Route, services: Services) -> list[Placed]:
        """What is wrong with the documents by the endpoint's own schema."""
        from airflow_integrations.graphql.online import check

        client = await services.client(config.connection)
        found = await check(config, client, config.path)
        for name, request in (("delete", config.delete), ("verify", config.verify)):
            if request is not None:
                found += [((name, *place), text) for place, text in await check(request, client, config.path)]
        return found

    @staticmethod
    def agrees(config: GraphQLOptions, path: str, content: bytes) -> dict[str, Any] | None:
        """What a target that takes everything answers, for previews and tests: results, with the id that is read."""
        from airflow_integrations.expressions.language.field_paths import plain_path
        from airflow_integrations.graphql.options import document_of

        data: dict[str, Any] = {root: {} for root in document_of(config)[1].roots()}
        read = plain_path(config.id) if config.id is not None else None
        if read is not None and read[:2] == ("body", "data"):
            at = data
            for step in read[2:-1]:
                at = at.setdefault(step, {})
            at[read[-1]] = "an-id"
        return {"body": {"data": data}}

    @property
    def repeatable(self) -> bool:
        return self._options.idempotent or self._options.retry_unsafe

    async def open(self, run: Run, services: Services) -> None:
        from airflow_integrations.graphql.cost import CostedClient
        from airflow_integrations.outgoing.graphql.mutation import Operation
        from airflow_integrations.outgoing.http.recording_client import RecordingClient

        options, base, entity = self._options, services.base_names(run), self._route.entity.name
        client = cast("HttpClient", CostedClient(await services.client(options.connection)))
        self._client = RecordingClient(client, now=services.now)
        self._base = base
        self._id = options.id.compile() if options.id else None
        self._write = Operation(options, options, base, entity, "", repeatable=self.repeatable)
        if options.delete is not None:
            self._delete = Operation(options, options.delete, base, entity, "delete", repeatable=True)
            self._gone = options.delete.gone_when.compile() if options.delete.gone_when else None
        if options.verify is not None:
            self._ask = Operation(options, options.verify, base, entity, "verify", repeatable=True)
            self._found = options.verify.found.compile()
            self._found_id = options.verify.id.compile() if options.verify.id else None

    async def send(self, batch: Sequence[Outbound]) -> list[Result]:
        return await in_parts(batch, self._one)

    async def verify(self, outbound: Outbound) -> Result | None:
        """Whether the target has the entity: see :class:`Outgoing`. None where sending it again is harmless."""
        if outbound.deleted:
            return None
        if self._ask is None:
            return None if self.repeatable else Result("in_doubt", reason=_NO_VERIFY, cause="unknown")
        self._client.forget()
        try:
            result = await self._verified(self._ask, outbound)
        except IntegrationError as error:
            error.exchange = self._client.exchange()
            raise
        return None if result is None else self._with_exchange(result)

    async def close(self) -> None:
        return None

    async def _one(self, part: Sequence[Outbound]) -> list[Result] | None:
        if len(part) > 1:
            return None
        self._client.forget()
        try:
            result = await self._sent(part[0])
        except IntegrationError as error:
            error.exchange = self._client.exchange()
            raise
        return [self._with_exchange(result)]

    def _with_exchange(self, result: Result) -> Result:
        wrong = result.status in ("failed", "in_doubt", "pending") and result.cause != "unwritable"
        return replace(result, exchange=self._client.exchange()) if wrong else result

    async def _sent(self, outbound: Outbound) -> Result:
        operation = self._delete if outbound.deleted else self._write
        known = outbound.target_id if outbound.deleted else None
        if operation is None:  # left by a run of the route when it still had one
            return Result("failed", known, _NO_DELETE, cause="setup")
        try:
            request = operation.request(outbound)
        except EntityError as error:
            return unwritable(error, place="delete" if outbound.deleted else "")
        try:
            answer = await operation.send(self._client, request)
        except UnknownOutcome as error:
            return Result("in_doubt", known, reason_text(error), error.status, "unknown")
        except UnreadableError as error:
            return Result("in_doubt", known, reason_text(error), cause="unreadable")
        except AnswerError as error:
            return Result("failed", known, reason_text(error), cause="refused")
        said = operation.said(answer)
        if outbound.deleted:
            if self._is_gone(answer, said.body):
                return Result("delivered", known, http_status=answer.status)
            return replace(said.result, target_id=known)
        if said.result.status != "delivered" or self._id is None:
            return said.result
        known = self._id_in(self._id, answer, said.body)
        if known is None:  # such as a refusal in a field that the mutation does not ask for
            why = reason_text(f"the answer has no id, and confirms nothing: {answer.excerpt(120)}")
            return Result("in_doubt", None, why, answer.status, "unreadable")
        return replace(said.result, target_id=known)

    def _is_gone(self, answer: Answer, body: Any) -> bool:
        if self._gone is None:
            return False
        try:
            return bool(self._gone(self._names(answer, body)))
        except EntityError:
            return False

    async def _verified(self, operation: Operation, outbound: Outbound) -> Result | None:
        try:
            answer = await operation.send(self._client, operation.request(outbound))
        except (EntityError, AnswerError) as error:
            return Result("in_doubt", None, reason_text(f"verify: {error}"), cause="unknown")
        said = operation.said(answer)
        if said.result.status != "delivered":
            return Result("in_doubt", None, f"verify: {said.result.reason}", answer.status, "unknown")
        try:
            found = self._found(self._names(answer, said.body))
        except EntityError as error:
            why = answer.redact(f"verify.found: {error}")
            return Result("in_doubt", None, reason_text(why), answer.status, "unknown")
        if nothing(found):
            return None
        known = None if self._found_id is None else self._id_in(self._found_id, answer, said.body)
        return Result("delivered", known, http_status=answer.status)

    def _id_in(self, expression: Any, answer: Answer, body: Any) -> str | None:
        try:
            found = id_text(expression(self._names(answer, body)))
        except EntityError:  # that it was taken matters more
            return None
        return None if found is None else answer.redact(found)

    def _names(self, answer: Answer, body: Any) -> Mapping[str, Any]:
        request = {"method": "POST", "path": answer.request.path, "url": answer.url}
        return {**self._base, "status": answer.status, "headers": answer.headers, "body": body, "request": request}

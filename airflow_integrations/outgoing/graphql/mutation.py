"""One operation that is sent for single entities, and what its answers mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from airflow_integrations.errors import EntityError
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.answer import decode_json
from airflow_integrations.graphql.answers import errors_of, is_throttled, roots_of_errors, told, user_errors
from airflow_integrations.graphql.options import GraphQLDocument, body_definition, document_of
from airflow_integrations.http import Answer, Request
from airflow_integrations.http.errors import reason_phrase
from airflow_integrations.http.retry import Verdict
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.graphql.options import GraphQLOptions
from airflow_integrations.outgoing.http.answers.reasons import reason_text
from airflow_integrations.outgoing.http.answers.response_rules import refusal
from airflow_integrations.outgoing.http.options import HttpOptions
from airflow_integrations.outgoing.http.recording_client import RecordingClient
from airflow_integrations.outgoing.http.request_body import structured
from airflow_integrations.outgoing.http.request_writer import writer_of
from airflow_integrations.outgoing.request_scope import RequestNames, names_read

__all__ = ["Operation", "Said"]


class Said(NamedTuple):
    """What an answer means for its entity, and its decoded body."""

    result: Result
    body: Any


class Operation:
    """Raises SetupError where the document cannot be sent. ``place`` names the option that it stands under."""

    def __init__(
        self,
        options: GraphQLOptions,
        document: GraphQLDocument,
        base: Mapping[str, Any],
        entity: str,
        place: str,
        *,
        repeatable: bool,
    ) -> None:
        text, parsed = document_of(document)
        self._roots = frozenset(parsed.roots())
        self._writes = parsed.kind == "mutation"
        variables: Any = document.variables  # type: ignore[attr-defined]
        self._variables = variables
        http = HttpOptions(
            connection=options.connection,
            path=options.path,
            headers={"Accept": "application/json", **options.headers},
            body=body_definition(document, text, variables),
            idempotency_header=None,
        )
        assert http.body is not None
        self._body = structured(http.body)
        where = f"outgoing.graphql.{place}".rstrip(".")
        self._writer = writer_of(http, http, base, where, repeatable=repeatable, key=False)
        self._names = RequestNames(
            base, entity, names_read(variables, options.headers) - {"key", "target_id"}, together=False
        )
        self._last: tuple[Answer, Any] | None = None

    def request(self, outbound: Outbound) -> Request:
        """Raises EntityError where its variables cannot be made."""
        names = {**self._names.of((outbound,)), "key": outbound.key, "target_id": outbound.target_id}
        return self._writer.write(names, self._body((outbound,), names))

    async def send(self, client: RecordingClient, request: Request) -> Answer:
        """The answer, after waiting where the server asks to. Raises as the client does."""
        return await client.send(request, rule=self._verdict)

    def _verdict(self, answer: Answer) -> Verdict | None:
        if b"THROTTLED" not in answer.content:
            return None
        body = self._decoded(answer)
        wants_later = not _taken(body, self._roots) and is_throttled(errors_of(body))
        return Verdict.AGAIN if wants_later else None

    def said(self, answer: Answer) -> Said:
        """What became of the entity."""
        body = self._decoded(answer)
        status, errors = answer.status, errors_of(body)
        if not 200 <= status < 300:
            why = f"{reason_phrase(status)}: {told(errors)}" if errors else refusal(answer)
            return Said(self._failed(answer, why), body)
        if not isinstance(body, dict) or ("data" not in body and not errors):
            why = f"the answer is none of GraphQL's: {answer.excerpt(120)}"
            return Said(Result("in_doubt", None, reason_text(why), status, "unreadable"), body)
        data = body.get("data")
        refused = user_errors(data, self._roots) if isinstance(data, dict) else []
        if errors:
            taken = _taken(body, self._roots)
            if taken and not refused:
                why = answer.redact(f"the answer has a result and errors besides: {told(errors)}")
                return Said(Result("in_doubt", None, reason_text(why), status, "unknown"), body)
            return Said(self._failed(answer, told([*refused, *errors])), body)
        if refused:
            return Said(self._failed(answer, told(refused)), body)
        given = [data[root] for root in self._roots if root in data] if isinstance(data, dict) else []
        if not given or (self._writes and None in given):
            why = "the answer has neither a result nor an error"
            return Said(Result("in_doubt", None, why, status, "unreadable"), body)
        return Said(Result("delivered", http_status=status), body)

    def _failed(self, answer: Answer, why: str) -> Result:
        return Result("failed", None, reason_text(answer.redact(why)), answer.status, "refused")

    def _decoded(self, answer: Answer) -> Any:
        if self._last is None or self._last[0] is not answer:
            try:
                body = decode_json(answer.content) if answer.content.strip() else None
            except (ContentError, EntityError):
                body = None
            self._last = answer, body
        return self._last[1]


def _taken(body: Any, roots: frozenset[str]) -> bool:
    """Whether some root field has a result: the mutation was carried out, whatever is missing of the answer."""
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        return False
    broken = set(roots_of_errors(errors_of(body)))
    return any(data.get(root) is not None for root in roots) or (None in broken and any(data.values()))

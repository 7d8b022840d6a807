"""Asks the target whether an entity of unknown fate has arrived."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_integrations.errors import AnswerError, EntityError
from airflow_integrations.http import Answer
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.http.answers.reasons import id_text, no_verdict, reason_text, without_secrets
from airflow_integrations.outgoing.http.answers.response_rules import answered
from airflow_integrations.outgoing.http.options import HttpOptions
from airflow_integrations.outgoing.http.query import Asking, UntoldError, nothing
from airflow_integrations.outgoing.http.recording_client import RecordingClient
from airflow_integrations.outgoing.http.wording import HTTP, Wording
from airflow_integrations.outgoing.request_scope import RequestNames, names_read

__all__ = ["Verifying"]


class Verifying:
    """Asks for single entities. What the answer leaves open stays in doubt."""

    def __init__(
        self,
        options: HttpOptions,
        base: Mapping[str, Any],
        entity: str,
        client: RecordingClient,
        *,
        wording: Wording = HTTP,
    ) -> None:
        verify = options.verify
        assert verify is not None
        self._names = RequestNames(base, entity, names_read(verify, options.headers), together=False)
        self._found_when = verify.found_when.compile() if verify.found_when else None
        self._id = verify.id.compile() if verify.id else None
        reads = names_read(verify.found_when, verify.id)
        if verify.found_when is None:
            reads |= {"body"}
        self._about = wording.about("verify")
        self._asking = Asking(
            verify, base, client, "verify", headers=options.headers, reads=reads, shared=options, wording=wording
        )

    async def ask(self, outbound: Outbound) -> Result | None:
        """Delivered where the target has it, None where it has not, in doubt where that cannot be told.

        Raises OutageError and SetupError as :meth:`Outgoing.send` does.
        """
        try:
            asked = await self._asking.ask(outbound, self._names.of((outbound,)))
            if asked is None:
                return None
            return self._judged(*asked)
        except UntoldError as error:
            return Result("in_doubt", None, reason_text(error), error.status, "unknown")
        except EntityError as error:
            why = f"{self._about}: {error.field}: {error}" if error.field else f"{self._about}: {error}"
            return Result("in_doubt", reason=reason_text(why), cause="unknown")
        except AnswerError as error:
            return Result("in_doubt", reason=reason_text(error), cause="unknown")

    def _judged(self, answer: Answer, names: dict[str, Any]) -> Result | None:
        if self._found_when is None:
            found = not nothing(names["body"])
            self._asking.mind_errors(answer, names["body"], found=found)
        else:
            try:
                value = self._found_when(names)
            except EntityError as error:
                raise UntoldError(answer.redact(f"verify.found_when: {error}"), status=answer.status) from None
            if (unclear := no_verdict(value)) is not None:
                raise UntoldError(f"verify.found_when {unclear}: {answered(answer)}", status=answer.status)
            found = bool(value)
        if not found:
            if self._found_when is not None:
                self._asking.mind_hidden_errors(answer)
            return None
        known = without_secrets(self._read_id(names), answer.redact)
        return Result("delivered", id_text(known), http_status=answer.status, value=known)

    def _read_id(self, names: dict[str, Any]) -> Any:
        try:
            return None if self._id is None else self._id(names)
        except EntityError:  # that it is there matters more
            return None

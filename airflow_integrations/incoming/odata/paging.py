"""Pages as an OData service cuts them: the link to the next one, and the count of all that there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_integrations.errors import AnswerError
from airflow_integrations.expressions import Expression
from airflow_integrations.incoming.http.pagination import OData
from airflow_integrations.incoming.http.paging import whole_number
from airflow_integrations.incoming.http.requester import Response
from airflow_integrations.odata.literals import Version

__all__ = ["COUNT", "NEXT", "RECORDS", "ServerPaging"]

_LONGEST = 8_000

RECORDS: Mapping[Version, str] = {4: "body.value", 2: "body.d.results"}
NEXT: Mapping[Version, Expression] = {
    4: Expression('body["@odata.nextLink"]', "answer"),
    2: Expression('body.d["__next"]', "answer"),
}
DELTA: Mapping[Version, Expression] = {
    4: Expression('body["@odata.deltaLink"]', "answer"),
    2: Expression('body.d["__delta"]', "answer"),
}
COUNT: Mapping[Version, Expression] = {
    4: Expression('body["@odata.count"]', "answer"),
    2: Expression('body.d["__count"]', "answer"),
}


class ServerPaging(OData):
    """Follows the service's links. Where it counts, fewer entities than it counted are an error at the end.

    The count that is told last is the one that counts; many services tell it with the first page only.
    """

    version: Version = 4
    counts: bool = False
    delta: bool = False

    def found(self, said: Response) -> Any:
        return said.evaluate(NEXT[self.version], "the next link")

    def after(
        self, at: Mapping[str, Any], said: Response, raw: Sequence[Any], ended: bool | None
    ) -> dict[str, Any] | None:
        following = super().after(at, said, raw, ended)
        if not self.counts:
            return following
        count, came = self._counted(said, at.get("count")), at.get("came", 0) + len(raw)
        if following is not None:
            return {**following, "count": count, "came": came}
        if count is not None and came < count:
            raise AnswerError(
                f"{said.place}: {came} of the {count} entities that the service counts came, and there is no further "
                f"page: {count - came} are missing. Where its count is wrong, write count: false"
            )
        return None

    def _counted(self, said: Response, before: int | None) -> int | None:
        count = COUNT[self.version]
        if said.evaluate(count, "the count") is None:
            return before
        return whole_number(said, count, "the count")

    def newer(self, said: Response) -> str | None:
        """The delta link behind the last page, as an absolute URL; None where there is none that can be kept."""
        found = said.evaluate(DELTA[self.version], "the delta link") if self.delta else None
        if not isinstance(found, str) or not 0 < len(found) <= _LONGEST:
            return None
        from airflow_integrations.http.redaction import url_without_secrets
        from airflow_integrations.http.url import joined

        link = joined(said.answer.url, found)
        return link if url_without_secrets(link, said.answer.redact) == link else None

    def reads(self) -> Iterator[Expression]:
        yield NEXT[self.version]
        yield COUNT[self.version]
        if self.delta:
            yield DELTA[self.version]

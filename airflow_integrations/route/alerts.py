"""Who is told when something is wrong with a route, and what counts as wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from airflow_integrations.config.model import Model, ShortForm
from airflow_integrations.config.types import ConnectionId, Duration, Size

__all__ = [
    "ALERTS",
    "Alerts",
    "AppriseTarget",
    "EmailTarget",
    "ErrorRate",
    "Kind",
    "SlackTarget",
    "SourceBehind",
    "Target",
]

Kind = Literal["failure", "error_rate", "nothing_received", "queue_older_than", "source_behind", "late", "contract"]
ALERTS: tuple[Kind, ...] = (
    "failure",
    "error_rate",
    "nothing_received",
    "queue_older_than",
    "source_behind",
    "late",
    "contract",
)
"""What can be wrong, named as in the route's file."""

SHORTEST = timedelta(minutes=1)
"""It is looked every two minutes whether something is wrong."""
SHORTEST_REPEAT = timedelta(minutes=15)

_ADDRESS = r"^[^@\s,;<>\"]+@[^@\s,;<>\"]+$"
Address = Annotated[str, Field(max_length=254, pattern=_ADDRESS)]


def _some(addresses: tuple[str, ...]) -> tuple[str, ...]:
    if not addresses:
        raise ValueError("no address: write one such as ops@example.com, or several in a list")
    return addresses


Addresses = Annotated[
    tuple[Address, ...],
    Field(max_length=50),
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
    AfterValidator(_some),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": _ADDRESS},
                {"type": "array", "items": {"type": "string", "pattern": _ADDRESS}, "minItems": 1, "maxItems": 50},
            ]
        }
    ),
]


class EmailTarget(ShortForm):
    """An e-mail through the SMTP server of a Connection."""

    short_form: ClassVar[str] = "to"

    to: Addresses
    """One address, or several.

    Example: ``to: [ops@example.com, sales@example.com]``
    """
    connection: ConnectionId = "smtp_default"
    """A Connection of type smtp; its extra ``from_email`` is the sender.

    Example: ``connection: smtp_alerts``
    """


class SlackTarget(ShortForm):
    """A message into the channel of a Slack webhook."""

    short_form: ClassVar[str] = "connection"

    connection: ConnectionId
    """A Connection of type slackwebhook.

    Example: ``connection: slack_ops``
    """


class AppriseTarget(ShortForm):
    """A message through any of the services that Apprise knows."""

    short_form: ClassVar[str] = "connection"

    connection: ConnectionId
    """A Connection whose password is an Apprise URL, such as ``msteams://…`` or ``json://…``.

    Example: ``connection: teams_ops``
    """


class Target(Model):
    """Who is notified: exactly one of these."""

    email: EmailTarget | None = None
    """An e-mail to one address, or ``{to: [a@example.com, b@example.com], connection: smtp_default}``.

    Example: ``email: {to: ops@example.com}``
    """
    slack: SlackTarget | None = None
    """A message to a Slack channel: the id of a Connection of type slackwebhook.

    Example: ``slack: {connection: slack_ops}``
    """
    apprise: AppriseTarget | None = None
    """A message through Apprise: the id of a Connection whose password is an Apprise URL.

    Example: ``apprise: {connection: teams_ops}``
    """

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1 or self.way is None:
            raise ValueError("a target is exactly one of email, slack, apprise, such as email: ops@example.com")
        return self

    @property
    def way(self) -> EmailTarget | SlackTarget | AppriseTarget | None:
        """The one that is given."""
        return self.email or self.slack or self.apprise

    @property
    def name(self) -> str:
        """Identifies the target in the ledger and in logs; holds no secret."""
        way = self.way
        assert way is not None
        kind = "email" if self.email else "slack" if self.slack else "apprise"
        to = f"{', '.join(sorted(way.to))} by " if isinstance(way, EmailTarget) else ""
        return f"{kind} {to}{way.connection}"


class SourceBehind(Model):
    """How much may wait at a source that the route listens to."""

    rows: Annotated[int, Field(strict=True, ge=1, lt=100_000)] | None = None
    """Rows of an outbox.

    Example: ``rows: 10000``

    Since: 0.3
    """
    size: Size | None = None
    """Of PostgreSQL's log, for changes through a replication slot.

    Example: ``size: 1GB``

    Since: 0.3
    """

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.rows is None and self.size is None:
            raise ValueError("write rows for an outbox, or size for a replication slot, such as size: 1GB")
        return self


class ErrorRate(ShortForm):
    """More than this share of the decided entities went wrong."""

    short_form: ClassVar[str] = "above"

    above: Annotated[str, Field(pattern=r"^\d{1,2}(\.\d+)?%$")]
    """A percentage, such as ``5%``.

    Example: ``above: 5%``
    """
    over: Duration = Field(default="1d", validate_default=True)
    """Count the runs that ended within this time.

    Example: ``over: 6h``
    """
    at_least: Annotated[int, Field(strict=True, ge=1)] = 10
    """Fire only with at least this many entities.

    Example: ``at_least: 100``
    """

    @property
    def share(self) -> float:
        return float(self.above.rstrip("%")) / 100


class Alerts(Model):
    """What counts as wrong, and who is notified: when it begins, again after ``repeat`` while it lasts, and when it is
    over.

    Example:
        notify:
          - email: ops@example.com
          - slack: slack_ops
        error_rate: {above: 5%, over: 6h}
        late: 1h
    """

    notify: Annotated[tuple[Target, ...], Field(max_length=20)] = ()
    """Who is notified.

    Example: ``notify: [{email: ops@example.com}, {slack: slack_ops}]``
    """
    failure: Annotated[bool, Field(strict=True)] = True
    """Whether a failed run counts as wrong.

    Example: ``failure: false``
    """
    error_rate: ErrorRate | None = None
    """More than a share of the entities went wrong: ``5%``, or ``{above: 5%, over: 1h, at_least: 100}``.

    Example: ``error_rate: {above: 5%, over: 6h}``
    """
    nothing_received: Duration | None = None
    """The source gave no entity for this long.

    Example: ``nothing_received: 1d``
    """
    queue_older_than: Duration | None = None
    """An entity waits longer than this to be delivered.

    Example: ``queue_older_than: 2h``
    """
    source_behind: SourceBehind | None = None
    """More than this waits at a database that the route listens to, and is not in the inbox yet.

    Example: ``source_behind: {size: 1GB}``

    Since: 0.3
    """
    late: Duration | None = None
    """A scheduled run has not ended this long after its time. A route without a schedule is never late.

    Example: ``late: 1h``
    """
    contract: Annotated[bool, Field(strict=True)] = True
    """Whether it counts as wrong that the source's fields differ from what the route's ``contract`` has learned.

    Example: ``contract: false``

    Since: 0.3
    """
    repeat: Duration = Field(default="4h", validate_default=True)
    """Notify again after this time while it lasts.

    Example: ``repeat: 12h``
    """

    @field_validator("nothing_received", "queue_older_than", "late")
    @classmethod
    def _long_enough(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and value < SHORTEST:
            raise ValueError("it is looked every two minutes: write 1m or more, or leave it out")
        return value

    @field_validator("repeat")
    @classmethod
    def _not_too_often(cls, value: timedelta) -> timedelta:
        if value < SHORTEST_REPEAT:
            raise ValueError("nobody wants to hear it again so soon: write 15m or more, such as 4h")
        return value

    @model_validator(mode="after")
    def _someone_is_told(self) -> Self:
        if not self.notify:
            raise ValueError(
                "nobody would be told: write notify, a list of targets such as email: ops@example.com, slack: "
                "<Connection> or apprise: <Connection>; it may stand in _defaults.yaml"
            )
        return self

    def wanted(self) -> tuple[Kind, ...]:
        """What is looked at."""
        settings: dict[Kind, Any] = {kind: getattr(self, kind) for kind in ALERTS}
        return tuple(kind for kind, setting in settings.items() if setting)

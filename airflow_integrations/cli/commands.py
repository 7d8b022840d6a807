"""All commands. Each one's work is in the file of its name; nothing of it is imported here."""

from __future__ import annotations

from airflow_integrations.cli.command import Command, Group, Option
from airflow_integrations.cli.ledger_commands import LEDGER_COMMANDS
from airflow_integrations.ledger.retried import RETRIED

__all__ = ["COMMANDS"]

ROUTES = Option(
    ("--routes",),
    {
        "metavar": "DIR",
        "help": "the routes folder; default: $AIRFLOW__INTEGRATIONS__ROUTES, else dags/routes, else routes",
    },
)
ROUTE = Option(("route",), {"metavar": "ROUTE", "help": "a route's name, or its file"})
WINDOW = (
    Option(
        ("--window-start",),
        {
            "metavar": "TIME",
            "help": "start of the window, such as 2026-01-31 or 2026-01-31T00:00:00Z; "
            "default: the last complete window of the schedule",
        },
    ),
    Option(
        ("--window-end",), {"metavar": "TIME", "help": "end of the window, which does not belong to it; default: now"}
    ),
)
PARAM = Option(
    ("--param",),
    {
        "metavar": "NAME=VALUE",
        "action": "append",
        "default": [],
        "help": "a param of the route; may be given several times",
    },
)
KEY = Option(
    ("--key",),
    {"metavar": "KEY", "action": "append", "default": [], "help": "only this entity; may be given several times"},
)
ENTITIES = Option(
    ("--entities",),
    {"metavar": "FILE", "help": "take entities from this file (JSON or YAML list, or JSON lines) instead of fetching"},
)


def _format(*names: str) -> Option:
    return Option(
        ("--format",), {"choices": names, "default": names[0], "help": f"how to print it; default: {names[0]}"}
    )


COMMANDS: tuple[Command | Group, ...] = (
    Command(
        "new",
        "Write a new route, with its test, that works as it is",
        "new",
        (
            Option(("name",), {"metavar": "NAME", "help": "the route's name, such as shop_orders_to_erp"}),
            ROUTES,
            Option(
                ("--from",),
                {
                    "dest": "source",
                    "choices": ("http",),
                    "default": "http",
                    "help": "where entities come from; default: http",
                },
            ),
            Option(
                ("--to",),
                {
                    "dest": "target",
                    "choices": ("http", "none"),
                    "default": "http",
                    "help": "where they go; default: http",
                },
            ),
            Option(
                ("--entity",),
                {"metavar": "NAME", "default": "order", "help": "what one entity is called; default: order"},
            ),
        ),
    ),
    Command(
        "validate",
        "Check route files and show all mistakes with their lines",
        "validate",
        (
            Option(
                ("files",), {"nargs": "*", "metavar": "FILE", "help": "route files; default: all of the routes folder"}
            ),
            ROUTES,
            _format("text", "json", "github"),
        ),
    ),
    Command(
        "preview",
        "Fetch a few entities and show what the route would make of them and send; sends nothing",
        "preview",
        (
            ROUTE,
            ROUTES,
            Option(("--limit",), {"type": int, "default": 5, "metavar": "N", "help": "how many entities; default: 5"}),
            *WINDOW,
            KEY,
            ENTITIES,
            PARAM,
            Option(
                ("--record",),
                {"metavar": "FILE", "help": "also write what was answered and what came of it as a route test"},
            ),
            _format("text", "json"),
        ),
    ),
    Command(
        "test",
        "Run the routes' tests, with the network blocked",
        "test",
        (
            Option(
                ("names",),
                {"nargs": "*", "metavar": "ROUTE", "help": "routes or test files; default: all of the routes folder"},
            ),
            ROUTES,
            Option(("-k", "--filter"), {"metavar": "TEXT", "help": "only tests with this text in their name"}),
            Option(("--junit",), {"metavar": "FILE", "help": "also write the results as JUnit XML"}),
            _format("text", "json", "github"),
        ),
    ),
    Command(
        "run",
        "Run a whole route in this process, without a scheduler",
        "run",
        (
            ROUTE,
            ROUTES,
            *WINDOW,
            Option(("--limit",), {"type": int, "metavar": "N", "help": "at most so many entities"}),
            KEY,
            ENTITIES,
            PARAM,
            Option(("--dry-run",), {"action": "store_true", "help": "fetch and transform, send nothing"}),
            Option(
                ("--retry",),
                {
                    "choices": tuple(RETRIED),
                    "metavar": "WHICH",
                    "help": f"send again what is still open, and fetch nothing: {', '.join(RETRIED)}",
                },
            ),
        ),
    ),
    Command(
        "schema",
        "Print the JSON Schema of route files",
        "schema",
        (Option(("--tests",), {"action": "store_true", "help": "the schema of route tests instead"}),),
    ),
    Command("list", "List the routes", "list", (ROUTES, _format("text", "json"))),
    *LEDGER_COMMANDS,
    Group(
        "pools",
        "Airflow pools of the priority levels",
        (
            Command(
                "create",
                "Create or resize the pool of each priority level",
                "pools",
                (
                    ROUTES,
                    Option(
                        ("--slots",),
                        {
                            "type": int,
                            "metavar": "N",
                            "help": "slots of the executor in all; default: [core] parallelism",
                        },
                    ),
                ),
            ),
        ),
    ),
    Command(
        "doctor",
        "Check the surroundings: versions, routes, Connections, pools, staging, clocks",
        "doctor",
        (
            ROUTES,
            Option(
                ("--report",),
                {"action": "store_true", "help": "print everything as Markdown for a bug report, without secrets"},
            ),
            Option(("--offline",), {"action": "store_true", "help": "send no request"}),
        ),
    ),
    Command("version", "Print the versions of this package, Airflow and Python", "version"),
)

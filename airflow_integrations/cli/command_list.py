"""All commands. Each one's work is in the file of its name; nothing of it is imported here."""

from __future__ import annotations

from airflow_integrations.cli.command import Command, Group, Option, formats
from airflow_integrations.cli.discover.place import is_place
from airflow_integrations.cli.ledger_commands import LEDGER_COMMANDS
from airflow_integrations.ledger.status import BY_STATUS
from airflow_integrations.presets import NAMES as PRESETS

__all__ = ["COMMANDS", "RETRIED"]

RETRIED = ("due", *BY_STATUS, "all")
"""What ``run --retry`` takes. What each stands for is in the ledger's records, which no help needs."""


class OrPlace(tuple[str, ...]):
    """Names to choose from, or ``CONNECTION:PLACE``."""

    __slots__ = ()

    def __contains__(self, value: object) -> bool:
        return super().__contains__(value) or (isinstance(value, str) and is_place(value))


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
    {
        "metavar": "FILE",
        "help": "take entities from this file (JSON or YAML list, or JSON lines; - for standard input) instead of "
        "fetching",
    },
)

DATABASE = Option(("connection",), {"metavar": "CONNECTION", "help": "an Airflow Connection of a database"})

COMMANDS: tuple[Command | Group, ...] = (
    Command(
        "init",
        "Write the files into Airflow's dags folder that make DAGs of route files",
        "init",
        (
            Option(("--dags",), {"metavar": "DIR", "default": "dags", "help": "Airflow's dags folder; default: dags"}),
            Option(
                ("--shards",),
                {
                    "type": int,
                    "metavar": "N",
                    "default": 1,
                    "help": "loader files that share the routes: one for every 300 or so; default: 1",
                },
            ),
        ),
    ),
    Command(
        "new",
        "Write a new route, with its test, that works as it is",
        "new.command",
        (
            Option(("name",), {"metavar": "NAME", "help": "the route's name, such as shop_orders_to_erp"}),
            ROUTES,
            Option(
                ("--from",),
                {
                    "dest": "source",
                    "choices": OrPlace(("http", *PRESETS)),
                    "default": "http",
                    "metavar": "SYSTEM",
                    "help": "where entities come from: CONNECTION:PLACE as discover takes them, such as "
                    f"warehouse:sales.orders; or http; or a preset ({', '.join(PRESETS)}); default: http",
                },
            ),
            Option(
                ("--to",),
                {
                    "dest": "target",
                    "choices": OrPlace(("http", "none", *PRESETS)),
                    "default": "http",
                    "metavar": "SYSTEM",
                    "help": "where they go: CONNECTION:PLACE, such as erp:/sales-orders or erp:dbo.orders; or http, "
                    "none or a preset; a preset needs one in --from, a place needs a place there; default: http",
                },
            ),
            Option(
                ("--entity",),
                {
                    "metavar": "NAME",
                    "help": "what one entity is called; default: by the place, else order. Between presets an order "
                    "comes with the route of its customers, where the target wants them first",
                },
            ),
            Option(
                ("--alone",),
                {"action": "store_true", "help": "between presets: this entity's route only, not those it waits for"},
            ),
        ),
    ),
    Command(
        "discover",
        "Show what there is at the system of a Connection: tables, files, entity sets, lists; only reads",
        "discover.command",
        (
            Option(("connection",), {"metavar": "CONNECTION", "help": "an Airflow Connection"}),
            Option(
                ("place",),
                {
                    "nargs": "?",
                    "metavar": "PLACE",
                    "help": "a schema or table, a folder or file, an entity set, the path of a GraphQL endpoint or "
                    "of an OpenAPI document; default: everything",
                },
            ),
            Option(
                ("--kind",),
                {
                    "metavar": "KIND",
                    "help": "ask as this kind of incoming, such as sql or odata; default: by the Connection's type",
                },
            ),
            Option(
                ("--limit",),
                {"type": int, "metavar": "N", "default": 100, "help": "show at most N of them; default: 100"},
            ),
            Option(("--after",), {"metavar": "NAME", "help": "start after this name (next page)"}),
            *formats("text", "json"),
        ),
    ),
    Command(
        "presets",
        "Show what comes with the package for known systems, with its public sources",
        "presets",
        (
            Option(("system",), {"nargs": "?", "metavar": "SYSTEM", "help": "one of them; default: a list of all"}),
            *formats("text", "json"),
        ),
    ),
    Command(
        "new-kind",
        "Write a package for a kind of your own, with its conformance test",
        "new.kind",
        (
            Option(
                ("part",), {"choices": ("incoming", "transform", "outgoing", "listener"), "help": "what the kind does"}
            ),
            Option(("name",), {"metavar": "NAME", "help": "how routes write it, such as acme_crm"}),
            Option(
                ("--folder",), {"metavar": "DIR", "help": "where to write it; default: airflow-integrations-NAME here"}
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
            Option(
                ("--online",),
                {
                    "action": "store_true",
                    "help": "also ask systems that describe themselves: GraphQL endpoints for their schema, databases "
                    "for their tables and our rights, places of files whether they give and take one",
                },
            ),
            *formats("text", "json", "github"),
        ),
    ),
    Command(
        "preview",
        "Fetch a few entities and show what the route would make of them and send; sends nothing",
        "preview.command",
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
            *formats("text", "json"),
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
            *formats("text", "json", "github"),
        ),
    ),
    Command(
        "run",
        "Run a whole route in this process, without a scheduler",
        "run.command",
        (
            ROUTE,
            ROUTES,
            *WINDOW,
            Option(("--limit",), {"type": int, "metavar": "N", "help": "take at most N entities"}),
            KEY,
            ENTITIES,
            PARAM,
            Option(("--dry-run",), {"action": "store_true", "help": "fetch and transform, send nothing"}),
            Option(
                ("--verbose",),
                {"action": "store_true", "help": "show of what went wrong the request and the answer as they were"},
            ),
            Option(
                ("--retry",),
                {
                    "choices": RETRIED,
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
    Command("list", "List the routes", "list", (ROUTES, *formats("text", "json"))),
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
                    Option(
                        ("--reset",),
                        {"action": "store_true", "help": "also resize pools whose slots somebody has changed"},
                    ),
                ),
            ),
        ),
    ),
    Group(
        "sql",
        "The databases that routes write to",
        (
            Command(
                "prepare", "Make the table of markers, so that nothing is written twice", "sql.prepare", (DATABASE,)
            ),
            Command(
                "forget",
                "Delete a route's markers, before its target is filled anew",
                "sql.forget",
                (
                    DATABASE,
                    Option(("route",), {"metavar": "ROUTE", "help": "a route's name"}),
                    Option(("--yes",), {"action": "store_true", "help": "don't ask"}),
                ),
            ),
        ),
    ),
    Command(
        "doctor",
        "Check the surroundings: versions, routes, Connections, pools, staging, clocks",
        "doctor.command",
        (
            ROUTES,
            Option(
                ("--report",),
                {"action": "store_true", "help": "print everything as Markdown for a bug report, without secrets"},
            ),
            Option(("--offline",), {"action": "store_true", "help": "send no request"}),
            *formats("text", "json"),
        ),
    ),
    Command(
        "connect",
        "Allow access to a system in a browser (OAuth 2), and keep the refresh token in the ledger",
        "connect",
        (
            Option(
                ("connection",), {"metavar": "CONNECTION", "help": "an Airflow Connection with grant refresh_token"}
            ),
            Option(
                ("--redirect-uri",),
                {
                    "metavar": "URL",
                    "default": "http://localhost:8765/callback",
                    "help": "as it is registered with the system; default: http://localhost:8765/callback, where this "
                    "command waits for the browser",
                },
            ),
            Option(
                ("--paste",),
                {"action": "store_true", "help": "the browser is on another machine: paste the address where it ended"},
            ),
        ),
    ),
    Command(
        "completion",
        "Print what a shell needs to complete commands, options and the names of routes",
        "completion",
        (Option(("shell",), {"choices": ["bash", "zsh", "fish"], "help": "the shell that reads it"}),),
    ),
    Command("version", "Print the versions of this package, Airflow and Python", "version", formats("text", "json")),
)

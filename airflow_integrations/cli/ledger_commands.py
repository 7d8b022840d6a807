"""The commands about the ledger: where entities are, what is done about them, what ran."""

from __future__ import annotations

from airflow_integrations.cli.command import Command, Group, Option
from airflow_integrations.ledger.status import STATUSES

__all__ = ["LEDGER_COMMANDS"]

ROUTE = Option(("route",), {"metavar": "ROUTE", "help": "a route's name"})
ANY_ROUTE = Option(("route",), {"metavar": "ROUTE", "nargs": "?", "help": "only of this route"})
KEY = Option(("key",), {"metavar": "KEY", "help": "the entity's key"})
FORMAT = Option(
    ("--format",), {"choices": ("text", "json"), "default": "text", "help": "how to print it; default: text"}
)
STATUS = Option(
    ("--status",),
    {
        "choices": [status for status in STATUSES if status != "in_flight"],
        "metavar": "STATUS",
        "action": "append",
        "default": [],
        "help": "with this status, such as failed; may be given several times",
    },
)
ERROR = Option(("--error",), {"metavar": "FINGERPRINT", "help": "with this kind of error; entities errors lists them"})
ROUTES = Option(
    ("--routes",),
    {
        "metavar": "DIR",
        "help": "the routes folder; default: $AIRFLOW__INTEGRATIONS__ROUTES, else dags/routes, else routes",
    },
)
CHOSEN = (
    ROUTE,
    Option(
        ("--key",),
        {"metavar": "KEY", "action": "append", "default": [], "help": "this entity; may be given several times"},
    ),
    STATUS,
    ERROR,
    Option(("--yes",), {"action": "store_true", "help": "don't ask, however many they are"}),
)

LEDGER_COMMANDS: tuple[Command | Group, ...] = (
    Group(
        "entities",
        "Where entities are, and what to do about those that did not arrive",
        (
            Command(
                "show",
                "Where is it? One entity, with its history",
                "entity",
                (
                    ROUTE,
                    KEY,
                    Option(
                        ("--payload",),
                        {
                            "action": "store_true",
                            "help": "also what the source gave, what is sent, and what was edited",
                        },
                    ),
                    FORMAT,
                ),
            ),
            Command(
                "list",
                "List the entities of a route in the order of their keys",
                "entities",
                (
                    ROUTE,
                    STATUS,
                    ERROR,
                    Option(("--text",), {"metavar": "TEXT", "help": "with this text in the error's message"}),
                    Option(("--prefix",), {"metavar": "TEXT", "help": "whose key begins with this"}),
                    Option(("--target-id",), {"metavar": "ID", "help": "that the target knows by this id"}),
                    Option(("--since",), {"metavar": "TIME", "help": "whose fate was decided at this time or later"}),
                    Option(("--until",), {"metavar": "TIME", "help": "whose fate was decided before this time"}),
                    Option(
                        ("--limit",),
                        {"type": int, "default": 50, "metavar": "N", "help": "at most so many; default: 50"},
                    ),
                    Option(("--after",), {"metavar": "KEY", "help": "go on behind this key"}),
                    Option(
                        ("--format",),
                        {
                            "choices": ("text", "json", "jsonl"),
                            "default": "text",
                            "help": "how to print it; default: text",
                        },
                    ),
                ),
            ),
            Command("errors", "What went wrong, grouped by kind of error", "entity_errors", (ANY_ROUTE, FORMAT)),
            Command("retry", "Send entities again with the route's next run", "entity_retry", CHOSEN),
            Command(
                "skip",
                "Close entities that are not to be delivered",
                "entity_skip",
                (
                    *CHOSEN,
                    Option(
                        ("--reason",), {"metavar": "TEXT", "required": True, "help": "why; it stays in their history"}
                    ),
                ),
            ),
            Command(
                "confirm",
                "Say what became of entities that are waiting or in doubt",
                "entity_confirm",
                (
                    *CHOSEN,
                    Option(("--failed",), {"action": "store_true", "help": "they did not arrive; default: they did"}),
                    Option(("--reason",), {"metavar": "TEXT", "help": "why they failed, or how it is known"}),
                    Option(("--target-id",), {"metavar": "ID", "help": "the id of the one entity at the target"}),
                ),
            ),
            Command(
                "edit",
                "Mend the payload of an entity; retry sends it",
                "entity_edit",
                (
                    ROUTE,
                    KEY,
                    Option(
                        ("--payload",),
                        {
                            "metavar": "FILE",
                            "help": "the new payload, a JSON object; - reads it; default: $EDITOR opens it",
                        },
                    ),
                    Option(("--yes",), {"action": "store_true", "help": "keep what the editor leaves without asking"}),
                ),
            ),
        ),
    ),
    Command(
        "runs",
        "The books of a route's runs, newest first",
        "runs",
        (
            ROUTE,
            Option(("--limit",), {"type": int, "default": 20, "metavar": "N", "help": "at most so many; default: 20"}),
            Option(("--before",), {"type": int, "metavar": "NUMBER", "help": "go on behind this run's number"}),
            FORMAT,
        ),
    ),
    Command("queue", "What waits in each route", "queue", (FORMAT,)),
    Group(
        "cursor",
        "From where a route's next run goes on",
        (
            Command("show", "Show the route's mark and cursor", "cursor", (ROUTE, FORMAT)),
            Command(
                "set",
                "Set the cursor, or the mark of gapless windows",
                "cursor",
                (
                    ROUTE,
                    Option(("value",), {"metavar": "VALUE", "nargs": "?", "help": "the cursor"}),
                    Option(("--mark",), {"metavar": "TIME", "help": "the next gapless window begins here"}),
                ),
            ),
            Command("clear", "Forget the cursor: the next run begins where the first one did", "cursor", (ROUTE,)),
        ),
    ),
    Group(
        "ledger",
        "The ledger itself",
        (
            Command("status", "Where it is, and how much it holds", "ledger", (FORMAT,)),
            Command("migrate", "Create it, or bring it to this version's schema", "ledger"),
            Command("prune", "Forget now what the routes' retention no longer asks for", "ledger", (ROUTES,)),
        ),
    ),
)

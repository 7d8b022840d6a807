"""The commands about the ledger: where entities are, what is done about them, what ran."""

from __future__ import annotations

from airflow_integrations.cli.command import Command, Group, Option, formats
from airflow_integrations.ledger.status import STATUSES

__all__ = ["LEDGER_COMMANDS"]

ROUTE = Option(("route",), {"metavar": "ROUTE", "help": "a route's name"})
ANY_ROUTE = Option(("route",), {"metavar": "ROUTE", "nargs": "?", "help": "only of this route"})
KEY = Option(("key",), {"metavar": "KEY", "help": "the entity's key"})
FORMAT = formats("text", "json")
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

STORED = (
    Option(("store",), {"metavar": "STORE", "help": "the store, as routes name it"}),
    Option(("key",), {"metavar": "KEY", "help": "the value's key"}),
)

LEDGER_COMMANDS: tuple[Command | Group, ...] = (
    Group(
        "entities",
        "Where entities are, and what to do about those that did not arrive",
        (
            Command(
                "show",
                "Where is it? One entity, with its history",
                "entities.show",
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
                    *FORMAT,
                ),
            ),
            Command(
                "list",
                "List the entities of a route in the order of their keys",
                "entities.list",
                (
                    ROUTE,
                    STATUS,
                    ERROR,
                    Option(("--text",), {"metavar": "TEXT", "help": "with this text in the error's message"}),
                    Option(("--prefix",), {"metavar": "TEXT", "help": "whose key begins with this"}),
                    Option(("--contains",), {"metavar": "TEXT", "help": "whose key contains this, in any case"}),
                    Option(("--target-id",), {"metavar": "ID", "help": "that the target knows by this id"}),
                    Option(("--since",), {"metavar": "TIME", "help": "last changed at or after this time"}),
                    Option(("--until",), {"metavar": "TIME", "help": "last changed before this time"}),
                    Option(
                        ("--limit",),
                        {"type": int, "default": 50, "metavar": "N", "help": "maximum number of results; default: 50"},
                    ),
                    Option(("--after",), {"metavar": "KEY", "help": "start after this key (next page)"}),
                    *formats("text", "json", "jsonl"),
                ),
            ),
            Command("errors", "What went wrong, grouped by kind of error", "entities.errors", (ANY_ROUTE, *FORMAT)),
            Command(
                "retry",
                "Send entities again with the route's next run",
                "entities.retry",
                (
                    *CHOSEN,
                    Option(
                        ("--from-step",),
                        {
                            "metavar": "STEP",
                            "help": "of entities that go in several requests: send this confirmed step once more, too, "
                            "and those behind it",
                        },
                    ),
                ),
            ),
            Command(
                "skip",
                "Close entities that are not to be delivered",
                "entities.skip",
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
                "entities.confirm",
                (
                    *CHOSEN,
                    Option(("--failed",), {"action": "store_true", "help": "they did not arrive; default: they did"}),
                    Option(("--reason",), {"metavar": "TEXT", "help": "why they failed, or how it is known"}),
                    Option(("--target-id",), {"metavar": "ID", "help": "the id of the one entity at the target"}),
                ),
            ),
            Command(
                "edit",
                "Correct the payload of an entity; retry sends it",
                "entities.edit",
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
        "ledger.runs",
        (
            ROUTE,
            Option(("--limit",), {"type": int, "default": 20, "metavar": "N", "help": "show at most N; default: 20"}),
            Option(
                ("--before",), {"type": int, "metavar": "NUMBER", "help": "start after this run's number (next page)"}
            ),
            Option(
                ("--without-key",),
                {
                    "metavar": "RUN",
                    "help": "list what this run rejected because of its key",
                },
            ),
            *FORMAT,
        ),
    ),
    Group(
        "store",
        "Values that routes keep under a key",
        (
            Command(
                "list",
                "List the stores, or the values of one",
                "store.command",
                (
                    Option(("store",), {"metavar": "STORE", "nargs": "?", "help": "the store whose values to list"}),
                    Option(("--search",), {"metavar": "TEXT", "help": "with this text in key or value, in any case"}),
                    Option(
                        ("--limit",),
                        {"type": int, "default": 50, "metavar": "N", "help": "maximum number of results; default: 50"},
                    ),
                    Option(("--after",), {"metavar": "KEY", "help": "start after this key (next page)"}),
                    *FORMAT,
                ),
            ),
            Command("show", "Show a value with its history", "store.command", (*STORED, *FORMAT)),
            Command(
                "set",
                "Write a value by hand",
                "store.command",
                (*STORED, Option(("value",), {"metavar": "VALUE", "help": "JSON"})),
            ),
            Command(
                "remove",
                "Remove a value",
                "store.command",
                (*STORED, Option(("--yes",), {"action": "store_true", "help": "don't ask"})),
            ),
        ),
    ),
    Command("queue", "What waits in each route", "ledger.queue", FORMAT),
    Group(
        "cursor",
        "From where a route's next run goes on",
        (
            Command("show", "Show the route's mark and cursor", "ledger.cursor", (ROUTE, *FORMAT)),
            Command(
                "set",
                "Set the cursor, or the mark of gapless windows",
                "ledger.cursor",
                (
                    ROUTE,
                    Option(("value",), {"metavar": "VALUE", "nargs": "?", "help": "the cursor"}),
                    Option(("--mark",), {"metavar": "TIME", "help": "the next gapless window begins here"}),
                ),
            ),
            Command(
                "clear", "Forget the cursor: the next run begins where the first one did", "ledger.cursor", (ROUTE,)
            ),
        ),
    ),
    Group(
        "contract",
        "Fields of a route's source, as its contract has learned them",
        (
            Command("show", "Show the fields, and what differs from them", "ledger.contract", (ROUTE, *FORMAT)),
            Command(
                "accept",
                "Take what differs for right from now on",
                "ledger.contract",
                (
                    ROUTE,
                    Option(
                        ("--field",),
                        {
                            "metavar": "PATH",
                            "action": "append",
                            "default": [],
                            "help": "only of this field, such as lines[].sku; may be given several times",
                        },
                    ),
                    *FORMAT,
                ),
            ),
            Command(
                "reset",
                "Forget what was learned; the next runs are learned from",
                "ledger.contract",
                (ROUTE, Option(("--yes",), {"action": "store_true", "help": "don't ask"})),
            ),
        ),
    ),
    Group(
        "ledger",
        "The ledger itself",
        (
            Command("status", "Where it is, and how much it holds", "ledger.command", FORMAT),
            Command(
                "migrate",
                "Create it, or bring it to this version's schema",
                "ledger.command",
                (Option(("--check",), {"action": "store_true", "help": "only say whether that is needed (exit 1)"}),),
            ),
            Command(
                "begin-again",
                "Use a new ledger in place of one that was lost; what was delivered may be sent again",
                "ledger.command",
                (Option(("--yes",), {"action": "store_true", "help": "don't ask"}),),
            ),
            Command("prune", "Prune data older than the routes' retention", "ledger.command", (ROUTES,)),
        ),
    ),
)

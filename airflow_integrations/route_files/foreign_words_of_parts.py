"""Keys that other tools have in schedules, tasks, contracts, formats, steps and lookups, and what to write."""

from __future__ import annotations

from airflow_integrations.config.suggestions import by_word

__all__ = ["KEYS_OF_PARTS", "LISTENERS", "VALUES_OF_PARTS"]

_KEPT = "nothing: an entity that is rejected or failed is kept, see `entities list`"
_WHEN = ("if condition", "when: order.paid")
_KEYS_OF_PGP = (
    "key keys private_key public_key passphrase password recipient recipients key_id keyring secret",
    "connection: partner_key; the keys stand in this Connection",
)
_NO_TYPES = (
    "null_values na_values nulls types dtypes dtype converters parse_dates schema",
    "nothing: every cell is a text; a map makes numbers and dates of it",
)
_REQUEST = (
    ("url endpoint uri", "path: /orders"),
    ("verb http_method", "method: POST"),
    ("data payload json", "body: {Number: order.number}"),
    ("params query_params", "query: {id: …}"),
    ("retry retries max_retries", "nothing: delivery: {retry: {attempts: 10}} at the top counts"),
    _WHEN,
)

KEYS_OF_PARTS: dict[tuple[str, ...], dict[str, str]] = {
    ("schedule",): by_word(
        ("rate period seconds days fixedRate fixed_rate fixedDelay every_minutes", "every: 15m"),
        ("at daily time hour weekly weekday monthly", 'cron: "0 6 * * *"'),
        ("jitter random_delay", "nothing: Airflow starts runs on time; pools in tasks: {pool: …} spread the load"),
        ("enabled active paused", "nothing: paused: true stands at the top"),
    ),
    ("tasks",): by_word(
        ("execution_timeout timeout_minutes", "timeout: 6h"),
        ("parallelism parallel workers partitions num_partitions shards splits", "spread: 4"),
        ("delay retry_interval backoff", "retry_delay: 1m"),
        ("max_retries attempts", "retries: 3"),
        ("priority weight", "priority_weight: 10, or priority: critical at the top"),
    ),
    ("delivery",): by_word(
        ("rate_limit throttle requests_per_second", "nothing: requests_per_second stands in the Connection"),
        (
            "mode write_mode write_disposition",
            "nothing: outgoing: {sql: {mode: upsert}} or the method of outgoing: http",
        ),
        ("dead_letter dead_letter_queue dlq on_error", _KEPT),
        ("exactly_once guarantee at_least_once", "nothing: docs/design.md says what each kind promises"),
        ("ordered order fifo", "nothing: the states of one key never overtake each other"),
        ("backoff max_attempts", "retry: {attempts: 10, delay: 1m}"),
    ),
    ("delivery", "retry"): by_word(
        ("max max_attempts max_retries retries count limit", "attempts: 10"),
        ("backoff interval wait initial_delay retry_delay", "delay: 1m, which doubles up to max_delay"),
        ("statuses status status_codes retry_on codes", "on: [409, 423]"),
        ("max_age timeout deadline ttl", "age: 1d"),
    ),
    ("contract",): by_word(
        (
            "new_columns new_fields new_field columns evolve schema_evolution on_missing_field_added",
            "on_new_field: warn",
        ),
        ("data_type data_types types type_change on_type", "on_type_change: reject"),
        ("missing_fields missing_columns on_missing_field on_missing removed_fields required", "on_gone_field: fail"),
        ("mode strict level", "on_new_field: warn, on_type_change: reject, on_gone_field: fail"),
        ("schema file jsonschema", "nothing: it learns the fields; transform: [{validate: order.json}] takes a schema"),
        ("exclude skip", "ignore: [prices]"),
    ),
    ("window",): by_word(
        ("lookback look_back lag buffer lookback_window", "overlap: 5m"),
        ("size chunk step interval chunk_size length", "slice: 1d"),
        ("from start start_date since begin", "initial: 2026-01-31"),
        ("end to until end_date", "nothing: a window ends where the run's interval ends"),
    ),
    ("missing",): by_word(
        ("emit delete mode", "missing: emit"),
        ("max max_deletes limit threshold", "at_most: 50%"),
    ),
    ("retention",): by_word(("days keep ttl payload data", "payloads: 30d"), ("logs log", "history: 90d")),
    ("alerts",): by_word(("on on_failure", "failure: true"), ("after sla", "late: 1h")),
    ("slack",): by_word(("channel webhook url token webhook_url", "connection: slack; it has the address and channel")),
    ("entity",): by_word(
        ("hash checksum unique dedupe deduplicate", "nothing: content that was delivered is not sent again"),
        ("schema fields columns", "nothing: fields are what the source gives; contract: watches them"),
    ),
    ("entity", "group"): by_word(
        ("aggregate aggregations sum agg", "nothing: a map makes sums of the lines: sum(l.qty for l in order.lines)")
    ),
    ("pgp",): by_word(_KEYS_OF_PGP, ("verify signature verify_signature", "signed: true")),
    ("settled",): by_word(
        ("seconds minutes wait stable_for delay min_age quiet", "age: 10m"),
        ("suffix done flag file trigger", "marker: .done"),
    ),
    ("after",): by_word(("delete remove", "after: delete"), ("move_to archive_to target path tag", "move: read")),
    ("csv",): by_word(_NO_TYPES, ("no_header has_header", "header: [sku, price]"), ("bom", "encoding: utf-8-sig")),
    ("incoming", "files"): by_word(
        ("sort sort_by order_by", "order: name"),
        ("decrypt encryption gpg decryption encrypted", "pgp: {connection: partner_key}"),
        ("json jsonl", "records: body.orders, for a list inside of the document"),
        ("delimiter sep separator", 'csv: {delimiter: ";"}'),
        (
            "partition parallel parallelism workers threads concurrency spread num_partitions shards batch_size",
            "partitions: {files: 10}, for tasks side by side; tasks: {fetch_spread: 4} says how many tasks",
        ),
        (
            "max_files limit max_files_per_run max_files_per_trigger",
            "nothing: a run reads all files that are new, page by page; `run --limit` fetches less",
        ),
    ),
    ("files", "partitions"): by_word(
        ("size count per_task every chunk files_per_partition batch_size number", "files: 10"),
        ("list values", "files: 10; which files there are is asked when a run begins"),
        ("column ranges", "files: 10; files are divided in their order, see order"),
        ("tasks spread workers parallel parallelism", "files: 10; how many tasks says tasks: {fetch_spread: 4}"),
    ),
    ("outgoing", "files"): by_word(
        ("encrypt encryption gpg recipient public_key", "pgp: {connection: partner_key}"),
        (
            "partition_by partitions partition partition_cols partitioning",
            'per: entity, with a path such as "/data/out/{{ order.shop }}/{{ key }}.json"',
        ),
        ("sequence counter number", "first: 1, and {{ sequence }} in path"),
        ("delimiter sep separator", 'csv: {delimiter: ";"}'),
        ("marker flag done_file", "done: .done"),
    ),
    ("parquet",): by_word(
        (
            "partition_by partitions partition_cols",
            "nothing: a run is one file; outgoing: files: per: entity makes more",
        ),
        ("codec", "compression: zstd"),
        ("row_group_size", "rows: 100000"),
    ),
    ("xml",): by_word(("tag row_tag record_tag element xpath path item", "record: order")),
    ("columns", "*"): by_word(
        ("end to until", "width: 10"), ("length size", "width: 10"), ("from offset pos position", "start: 1")
    ),
    ("lookup",): by_word(
        ("ttl cache_ttl expire expires refresh", "cache: 1h"),
        ("many multiple list array first single", "all: true"),
        ("ledger keys ids cross_reference xref", "route: customers, key: order.customer.id"),
        ("values map mapping dict inline", "file: lookups/customers.csv"),
        ("separator sep", 'delimiter: ";"'),
    ),
    ("split",): by_word(
        ("by path field array list items on expression column", "each: order.lines"),
        ("name as alias item", "nothing: an element is called item, as in key: item.sku"),
    ),
    ("merge",): by_word(
        ("by key keys on", "nothing: it joins entities of one key; keep says which stays"), ("order_by", "keep: newest")
    ),
    ("python",): by_word(
        ("module callable callable_name name code", "function: shop_rules:clean"),
        ("args kwargs params op_kwargs", "with: {…}"),
    ),
    ("validate",): by_word(("path json_schema jsonschema", "file: schemas/order.json")),
    ("steps", "*"): by_word(
        *_REQUEST,
        ("output outputs set save register store id target_id extract", "result: body.id"),
        ("for_each foreach loop items with_items", "each: order.lines"),
        ("depends_on needs after order", "nothing: requests go in the order in which they stand"),
        ("on_error continue_on_error ignore_errors", _KEPT),
        ("request http", "nothing: the options of the request stand beside name"),
    ),
    ("choose", "*"): by_word(
        *_REQUEST,
        ("else default otherwise", "nothing: the last request without when is for all others"),
        ("case", "when: order.paid"),
        ("steps", "nothing: a request of choose is one; requests behind each other are steps, with when"),
        ("name", "nothing: a request of choose has no name"),
    ),
    ("outgoing", "http"): by_word(
        ("bulk batch_mode", "delivery: {batch: 100} at the top, and body: entities for what is sent together"),
        ("delete_when", 'delete: {path: "/orders/{{ target_id }}"}, for what the source no longer has'),
    ),
    ("upsert",): by_word(
        ("key unique_key match on", 'find: {path: /contacts, query: {code: "{{ order.code }}"}, target: body.contacts}')
    ),
    ("outgoing", "sql"): by_word(
        (
            "truncate create_table create auto_create truncate_table",
            "nothing: the table has to exist, and keeps its rows",
        ),
        ("delete", "delete_when: order.cancelled"),
        ("procedure proc stored_procedure function", "call: {procedure: sales.import_order, args: [order.id]}"),
    ),
    ("call",): by_word(
        ("params parameters arguments", "args: [order.id, order.total]"),
        ("name function proc", "procedure: sales.import_order"),
    ),
    ("incoming", "sql"): by_word(
        ("join joins include", "children: {lines: {table: order_lines, on: {order_id: id}}}, or query:")
    ),
    ("trigger",): by_word(
        ("route routes asset dataset datasets after upstream", "assets: shop_orders; the name of the other route"),
        ("poll polling", "nothing: schedule: {every: 15m} stands at the top"),
    ),
    ("verify",): by_word(
        ("bearer token api_key apikey jwt", "header: {name: X-Token, secret: <Connection>}"),
        ("signature sha256 hmac_sha256", "hmac: {header: X-Signature, secret: <Connection>}"),
        ("password user username", "basic: {secret: <Connection>}"),
    ),
    ("basic",): by_word(("user username login password", "secret: <Connection>, which has login and password")),
    ("trigger", "webhook"): by_word(
        ("response status", "answer: {…}"), ("data_selector items", "records: body.orders")
    ),
    ("trigger", "listen", "nats"): by_word(("subject subjects topic", "stream: ORDERS, with subjects that it holds")),
    ("pagination",): by_word(("start_page first_page page_start", "start: 1"), ("has_more", "more: body.has_more")),
}
"""Place to the words that people write there, each with what to write; ``*`` is each element of a list."""

LISTENERS = by_word(
    ("sftp ftp file folder s3", "files: {path: /data/in/*.csv}"),
    ("email mail mailbox pop3 gmail", "imap: {connection: mailbox}"),
    ("postgres postgresql cdc debezium replication logical_replication", "postgres_changes: {connection: shop_db, …}"),
    ("outbox table database mysql sql", "sql_outbox: {connection: shop_db, table: outbox, payload: payload}"),
    ("amqp queue rabbit", "rabbitmq: {connection: broker, queue: orders}"),
    ("http webhook rest api", "webhook: {path: shop/orders, verify: {shopify: <Connection>}} beside listen"),
    ("pubsub eventhub kinesis pulsar", "kafka: {connection: broker, topics: [orders]}, where it speaks Kafka"),
)
"""Listeners as other tools call them, each with what to write."""

VALUES_OF_PARTS: dict[tuple[str, ...], dict[str, str]] = {
    ("contract", "*"): by_word(
        ("error raise freeze stop", "fail; reject refuses the entity alone"),
        ("drop discard discard_row discard_value quarantine", "reject; the entity is kept with its reason"),
        ("evolve allow accept", "ignore"),
        ("log notify true", "warn"),
    ),
    ("missing",): by_word(("delete hard_delete soft_delete remove true", "emit"), ("keep false", "ignore")),
    ("delivery", "fail_run"): by_word(("true always all", "any"), ("false none", "never")),
    ("delivery", "resend"): by_word(("true all full", "always"), ("false", "changed")),
    ("trigger", "latency"): by_word(("realtime immediate instant streaming fast", "low"), ("batch normal high", "run")),
    ("lookup", "missing"): by_word(
        ("ignore continue keep optional left none", "null: what it would find then reads as None"),
        ("skip drop discard inner", "reject; or missing: null, and - filter: name is not None behind it"),
        ("error raise", "fail"),
        ("wait", "retry"),
    ),
    ("files", "order"): by_word(("date modified mtime oldest", "time"), ("filename alphabetical", "name")),
    ("files", "since"): by_word(
        ("window.start mtime last_modified window", "modified, or {name: orders_%Y-%m-%d} for a date in the name"),
    ),
    ("files", "per"): by_word(("order record row entities item", "entity"), ("batch file", "run")),
    ("files", "if_exists"): by_word(("skip ignore error", "fail")),
    ("files", "checksum"): by_word(("md5 sha1 true sha512", "sha256")),
    ("files", "after"): by_word(
        ("moved move_to", "{move: read}"), ("nothing none leave", "keep"), ("deleted", "delete")
    ),
    ("merge",): by_word(("true latest", "last")),
    ("priority",): by_word(("urgent highest", "critical"), ("medium default", "normal")),
    ("webhook", "verify"): by_word(
        ("false off disabled null", "none, for a path that nobody else knows"),
        ("github shopify slack stripe woocommerce xero zoom", "{%s: <Connection>}"),
        ("basic", "{basic: {secret: <Connection>}}"),
    ),
    ("hmac", "encoding"): by_word(("hexadecimal hexdigest", "hex"), ("b64", "base64")),
    ("http", "format"): by_word(
        ("json_array application/json", "json"), ("ndjson jsonl", "json_lines"), ("xlsx", "excel")
    ),
}
"""As ``VALUES``; ``*`` is each option of a part, ``%s`` the word itself."""

"""Keys and kinds of other tools, each with where the same stands in a route file."""

from __future__ import annotations

from airflow_integrations.config.suggestions import by_word
from airflow_integrations.route_files.foreign_words_of_kinds import KEYS_OF_KINDS

__all__ = ["DATABASES", "EVENTS", "FILES", "KEYS", "KINDS", "PAGINATION", "STYLES", "TRIGGERS"]

_ROUTE = by_word(
    ("retries", "tasks: {retries: 3}"),
    ("retry_delay", "tasks: {retry_delay: 1m}"),
    ("timeout execution_timeout", "tasks: {timeout: 6h}"),
    ("cron schedule_interval", 'schedule: {cron: "*/5 * * * *"}'),
    ("every interval", "schedule: {every: 15m}"),
    ("timezone", 'schedule: {cron: "*/5 * * * *", timezone: Europe/Madrid}'),
    ("start_date", 'schedule: {cron: "*/5 * * * *", start: 2026-01-31}'),
    ("catchup", 'schedule: {cron: "*/5 * * * *", start: 2026-01-31, catchup: true}; without catchup it is false'),
    ("batch batch_size", "delivery: {batch: 100}"),
    ("concurrency", "delivery: {concurrency: 8}"),
    ("in_doubt", "delivery: {in_doubt: hold}"),
    ("fail_run", "delivery: {fail_run: any}"),
    ("retry", "delivery: {retry: …} for entities, tasks: {retries: 3} for tasks"),
    ("key primary_key", "entity: {key: order.number}"),
    ("version", "entity: {version: order.updated_at}"),
    ("id", "route: for the route's name, entity: {key: order.number} for what identifies an entity"),
    (
        "cursor_field replication_key incremental incremental_sync",
        "entity: {version: order.updated_at}; cursor: stands below incoming: http:",
    ),
    ("name dag_id", "route:"),
    ("enabled active disabled is_active is_paused", "paused: true for a route that does not run by itself"),
    ("on_failure_callback on_success_callback on_retry_callback sla", "alerts: …"),
    ("connection connections", "incoming: {http: {connection: …}} and outgoing: {http: {connection: …}}"),
    ("map", "transform: [{map: …}]"),
    ("filter", "transform: [{filter: …}]"),
    ("lookup", "transform: [{lookup: …}]"),
    ("validate", "transform: [{validate: …}]"),
    ("webhook", "trigger: {webhook: …}"),
    ("latency", "trigger: {latency: low}"),
    ("default_args", "owner: data-team, tasks: {retries: 3}"),
    ("listen", "trigger: {listen: …}"),
    ("email notify on_failure notifications notification notifiers alerting", "alerts: …"),
    ("depends_on", "trigger: {assets: …}"),
    ("variables vars parameters env", "params: …"),
    ("source sources extract extractor extractors input from tap fetch", "incoming:"),
    ("destination target sink load loader loaders output to push writer", "outgoing:"),
    ("transforms transformations steps mapping mappings pipeline processors actions", "transform:"),
    ("dead_letter on_error error_handling", "nothing: what is rejected is kept, see `entities list`"),
    ("on triggers event events", "schedule: {every: 15m} for times, trigger: {webhook: …} for events"),
    ("needs dependsOn after upstream", "trigger: {assets: …}"),
    ("jobs routes flows tasks_list streams", "nothing: each route is a file of its own"),
    ("if when where condition", 'transform: [{filter: order.status == "paid"}]'),
    ("uses with extends include imports", "use: in a part, such as incoming: {use: _shared/shop.yaml}"),
    ("secrets secret credentials", "nothing: secrets stand in Airflow Connections"),
    ("state bookmarks checkpoint", "nothing: the ledger keeps mark and cursor, see `airflow-integrations cursor show`"),
    ("apiVersion kind hosts become gather_facts", "nothing: a file in the routes folder is a route"),
    ("spec config configuration options settings", "nothing: its options stand at the top"),
    ("metadata", "nothing: route:, description: and tags: stand at the top"),
    ("labels annotations label", "tags: [orders]"),
    ("replicas workers parallelism threads", "delivery: {concurrency: 8}"),
    ("suspend suspended", "paused: true"),
    ("concurrencyPolicy max_concurrency singleton", "max_active_runs: 1"),
    ("timeout-minutes timeoutSeconds activeDeadlineSeconds timeout_minutes", "tasks: {timeout: 6h}"),
    ("materialized write_disposition sync_mode", "outgoing: {sql: {mode: upsert, …}}"),
    ("group group_by", "entity: {group: {by: order_no}}"),
    ("partitions partition partition_by num_partitions", "tasks: {spread: 4} for a large run in several tasks"),
    (
        "schema_contract expectations schema",
        "contract: {on_type_change: reject}, or transform: [{validate: order.json}]",
    ),
    ("max_active_tasks", "delivery: {concurrency: 8}"),
    (
        "depends_on_past wait_for_downstream",
        "nothing: a run continues where the last one ended, also after a failed one",
    ),
    ("use", "use: in a part, such as incoming: {use: _shared/shop.yaml}"),
    ("limit top max_records", "nothing: `run --limit 5` and `preview --limit 5` take fewer"),
)
_REQUEST = by_word(
    ("url base_url url_base baseUrl host server", "path: /orders; the address belongs to the Connection"),
    ("uri endpoint resource url_path request_path", "path: /orders"),
    (
        "auth authenticator authentication api_key token username password credentials",
        "nothing: credentials belong to the Connection",
    ),
    ("params query_params queryParams request_parameters qs parameters request_params args", "query: {since: …}"),
    ("request_headers http_headers", "headers: {Accept: …}"),
    ("data_selector record_selector records_path json_path record_path data_path root items", "records: body.orders"),
    (
        "paginator paging pages paginate pagination_strategy",
        "pagination: {style: cursor, next: body.next_cursor, param: cursor}",
    ),
    (
        "cursor_field incremental incremental_sync replication_key cursor_path",
        'query: {since: "{{ window.start }}"}, or cursor: {field: updated_at, param: since}',
    ),
    ("data payload json request_body request_body_json", "body: {Number: order.number}"),
    ("conn_id http_conn_id connection_id conn credential", "connection: shop"),
    ("verb http_method request_method", "method: POST"),
    ("batch batch_size concurrency", "delivery: {batch: 100, concurrency: 8} at the top"),
    ("retry retries max_retries", "nothing: the Connection's retry_budget and tasks: {retries: 3} count"),
    ("rate_limit requests_per_second", "nothing: requests_per_second stands in the Connection"),
    ("timeout verify verify_ssl ssl proxy", "nothing: it belongs to the Connection"),
    ("limit page_size per_page", "pagination: {style: page, size: 100, …}, or query: {limit: 100}"),
    (
        "stream_slicer partition_router parent_stream substreams parent include_from_parent",
        "for_each: {path: /shops, records: body.shops, name: shop}",
    ),
    ("requester retriever client config", "nothing: its options stand here, the address in the Connection"),
    ("sync_mode supported_sync_modes", "nothing: what has not changed is not sent again"),
    ("start_date start_datetime", "window: {initial: 2026-01-31} at the top"),
    ("primary_key key_properties id", "entity: {key: order.number} at the top"),
    ("response_format content_format decoder", "format: csv"),
    ("ignore_status empty response_filters ok_statuses", "empty_when: status == 404"),
    ("export async_job", "job: {…}, see docs/systems/incoming-http.md"),
    ("graphql", "incoming: {graphql: {connection: shop, query: …}}"),
)
_SEND = {
    **_REQUEST,
    **by_word(
        (
            "expected_status status_codes success_codes ok_statuses expected_status_codes response_check",
            "success_when: status == 202",
        ),
        (
            "on_error ignore_errors continue_on_error continueOnFail ignoreErrors",
            "nothing: one that fails stops no other; delivery: {fail_run: …} says when the run fails",
        ),
        ("retry retry_policy retryOnFail", "delivery: {retry: {attempts: 10}} at the top"),
        ("idempotency_key", "idempotent: true; idempotency_header, where its name is not Idempotency-Key"),
    ),
}
_ENTITY = by_word(
    ("id primary_key primaryKey primary_keys key_properties keys unique_key merge_key", "key: order.number"),
    ("type entity kind", "name: order"),
    ("updated_at cursor_field replication_key modified cursor", "version: order.updated_at"),
    ("group_by groupBy aggregate", "group: {by: order_no}"),
)
_SCHEDULE = by_word(
    ("interval frequency minutes hours", "every: 15m"),
    ("tz time_zone zone", "timezone: Europe/Madrid"),
    ("start_date from", "start: 2026-01-31"),
    ("end_date until", "end: 2026-01-31"),
    ("crontab cron_expression expression", 'cron: "*/5 * * * *"'),
)
_DELIVERY = by_word(
    ("batch_size size chunk_size", "batch: 100"),
    ("parallelism workers threads parallel", "concurrency: 8"),
    ("retries attempts max_retries", "retry: {attempts: 10}, or tasks: {retries: 3}"),
)
_READ = by_word(
    ("conn_id sql_conn_id conn credential", "connection: warehouse"),
    ("sql statement select", "query: select …"),
    ("file_path sql_file path", "file: orders.sql"),
    ("schema database", "table: sales.orders, with the schema before the dot"),
    (
        "incremental incremental_column cursor_field replication_key updated_at is_incremental",
        "cursor: {column: updated_at, tie: id}",
    ),
    ("primary_key unique_key", "key: id"),
    ("params parameters args", "query: select … where region = :params.region"),
    ("batch batch_size chunksize fetch_size", "nothing: rows are read in pages"),
    ("order_by orderby sort", "nothing: rows come in the order of cursor, else of key"),
    ("limit top max_rows", "nothing: all rows are read; `run --limit 5` and `preview --limit 5` read fewer"),
    ("filter filters condition", "where: status = 'paid'"),
)
_WRITE = by_word(
    ("conn_id sql_conn_id conn credential", "connection: warehouse"),
    ("primary_key unique_key merge_key conflict conflict_target conflict_columns on_conflict", "key: id"),
    ("materialized write_disposition if_exists strategy destination_sync_mode incremental_strategy", "mode: upsert"),
    ("sql query statement", "table: orders, or call: {…} for a procedure"),
    ("schema database", "table: sales.orders, with the schema before the dot"),
    ("fields mapping target_fields values", "columns: {id: order.id}"),
    ("batch batch_size chunksize commit_every", "delivery: {batch: 500} at the top"),
    ("retries max_retries", "nothing: tasks: {retries: 3} and delivery: {retry: …} count"),
)
_CSV = by_word(
    ("sep separator field_separator field_delimiter fieldDelimiter", 'delimiter: ";"'),
    ("quotechar quote_char quoting", 'quote: "\'"'),
    ("escapechar escape_char", r'escape: "\\"'),
    ("skiprows skip_rows skip_lines skip_header", "skip: 1"),
    ("skipfooter skip_footer", "skip_last: 1"),
    ("columns names fieldnames headers", "header: [sku, price]"),
    ("charset", "encoding: latin-1"),
    (
        "decimal thousands decimal_separator decimal_comma",
        'nothing: every cell is a text; read it with decimal(price.amount.replace(".", "").replace(",", "."))',
    ),
)
_WEBHOOK = by_word(
    ("secret token signature auth authentication hmac", "verify: {hmac: {header: X-Signature, secret: <Connection>}}"),
    ("method methods verb", "nothing: events are posted"),
    ("url endpoint route", "path: shop/orders"),
    ("data_path items record_selector body", "records: body.orders"),
    ("id idempotency_key", 'event_id: headers["x-event-id"]'),
    ("latency", "trigger: {latency: low}, beside webhook"),
)
_LOOKUP = by_word(
    ("on by match left_on right_on keys foreign_key", "where: {id: order.customer_id}"),
    ("default if_missing not_found on_missing", "missing: reject"),
    ("as alias output", "name: customer"),
    ("table csv path", "file: lookups/customers.csv"),
    ("url api rest", "http: {connection: crm, path: /customers}"),
)
KEYS: dict[tuple[str, ...], dict[str, str]] = {
    (): _ROUTE,
    ("entity",): _ENTITY,
    ("schedule",): _SCHEDULE,
    ("delivery",): _DELIVERY,
    ("incoming", "http"): _REQUEST,
    ("incoming", "sql"): _READ,
    ("outgoing", "http"): _SEND,
    ("outgoing", "sql"): _WRITE,
    ("trigger", "webhook"): _WEBHOOK,
    ("csv",): _CSV,
    ("lookup",): _LOOKUP,
    ("validate",): by_word(
        ("required properties type additionalProperties items", "schema: {type: object, required: [number]}"),
    ),
    ("alerts",): by_word(
        (
            "email slack teams pagerduty webhook channel to",
            "notify: [{email: {to: [ops@example.com], connection: smtp_default}}]",
        ),
    ),
    **KEYS_OF_KINDS,
}
"""Place to the words that people write there, each with what to write; ``csv`` is a place wherever it stands."""

KINDS: dict[str, dict[str, str]] = {
    "transform": by_word(
        ("where condition if when query", 'filter: order.status == "paid"'),
        (
            "select",
            "map: {Number: order.number} for some of the fields, filter: … for some of the entities",
        ),
        ("default defaults fillna fill", 'set: {status: coalesce(order.status, "new")}'),
        ("choice switch router case branch", "filter: …, or in a map `a if condition else b`"),
        ("mapping fields project mapper jsonata template object jq jolt dataweave", "map: {Number: order.number}"),
        ("add add_fields compute add_field assign register setBody setVariable variable", "set: {Total: order.total}"),
        ("convert cast types typecast coerce", "set: {total: decimal(order.total)}"),
        ("sort order_by orderBy", 'set: {lines: sort_by(order.lines, "sku")}'),
        ("group_by groupBy", "entity: {group: {by: order_no}} at the top, or merge: last"),
        ("log print debug", "nothing: `preview` shows what each step makes"),
        ("to send output target sink", "outgoing: at the top"),
        ("register_output loop_control name", "nothing: a step is its kind alone"),
        ("remove delete exclude remove_fields omit", "drop: [note]"),
        ("rename_fields alias move", "rename: {old: new}"),
        (
            "explode unnest flatten foreach for_each each iterator splitter loop with_items split_in_batches",
            "split: {each: order.lines}",
        ),
        ("dedupe dedup deduplicate unique distinct aggregate group", "merge: last"),
        ("limit take head", "nothing: `run --limit 5` and `preview --limit 5` take fewer"),
        ("sleep wait delay throttle", "nothing: requests_per_second stands in the Connection"),
        (
            "http rest request api",
            'lookup: {name: customer, http: {connection: crm, path: "/customers/{{ order.customer.id }}"}}',
        ),
        ("join table lookup_table enrich", "lookup: {name: tax, file: tax.csv, where: {country: order.country}}"),
        ("script code function lambda javascript js", "python: module:function"),
        (
            "sql database dbt",
            "lookup: {name: customer, sql: {connection: erp, table: customers}, where: {id: order.customer_id}}",
        ),
        ("schema assert check jsonschema json_schema", "validate: schemas/order.json"),
    ),
    "incoming": by_word(
        (
            "rest api rest_api https url uri RESTStream request soap tap stream streams from singer airbyte",
            "http: {connection: shop, path: /orders}",
        ),
        ("webhook", "trigger: {webhook: {…}} at the top, and leave incoming out"),
        ("imap email mail mailbox", "trigger: {listen: {imap: {…}}} at the top, and leave incoming out"),
    ),
    "outgoing": by_word(
        (
            "rest api rest_api https url uri request webhook soap slack teams to",
            "http: {connection: erp, path: /orders}",
        ),
        (
            "smtp mail sendmail send_email ses",
            'email: {connection: mail, from: a@shop.example, to: "{{ order.email }}"}',
        ),
        ("amqp queue", "rabbitmq: {connection: broker, queue: orders}"),
        ("stdout print console log debug null dummy", "none: {}; `preview` shows what would be sent"),
        ("stream pulsar eventhub kinesis pubsub", "kafka: {connection: broker, topic: orders}, where it speaks Kafka"),
    ),
}
"""Part of a route to the kinds of other tools, each with what to write."""
EVENTS = frozenset(["amqp", "kafka", "mqtt", "nats", "queue", "rabbitmq", "redis", "sqs"])
FILES = frozenset(
    [
        "azure",
        "blob",
        "csv",
        "excel",
        "file",
        "folder",
        "ftp",
        "gcs",
        "jsonl",
        "local",
        "minio",
        "parquet",
        "s3",
        "sftp",
    ]
)
DATABASES = frozenset(
    [
        "bigquery",
        "database",
        "db",
        "jdbc",
        "mariadb",
        "mssql",
        "mysql",
        "oracle",
        "postgres",
        "postgresql",
        "snowflake",
    ]
)

TRIGGERS = {
    "webhook": "write {webhook: {path: shop/orders, verify: {shopify: <Connection>}}}",
    "listen": "write {listen: {rabbitmq: {connection: broker, queue: orders}}}",
    "schedule": "leave trigger out and write schedule: {every: 15m}",
    "cron": 'leave trigger out and write schedule: {cron: "*/5 * * * *"}',
    "manual": "leave trigger out: without a schedule a route runs when it is triggered",
}
"""A trigger that is a word to what to write."""

PAGINATION = {
    "cursor": "{style: cursor, next: body.next_cursor, param: cursor}",
    "page": "{style: page}",
    "offset": "{style: offset}",
    "link": "{style: link}",
    "next_url": "{style: next_url, next: body.next}",
    "none": "{style: none}",
}
"""Style to a pagination that is complete."""
STYLES: dict[str, str] = by_word(
    ("page_number PageIncrement page_increment pages number", "style: page"),
    ("offset_limit OffsetIncrement offset_increment limit_offset skip", "style: offset"),
    ("header_link link_header HeaderLink rel", "style: link"),
    ("json_link json_response next_link url", "style: next_url"),
    ("CursorPagination cursor_pagination token next_token json_response_cursor", "style: cursor"),
)
"""Styles of paging as other tools call them."""

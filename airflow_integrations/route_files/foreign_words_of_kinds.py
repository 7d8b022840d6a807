"""Keys that other tools have for what files, queues, mails, OData, GraphQL and databases need, and what to write."""

from __future__ import annotations

from airflow_integrations.config.suggestions import by_word

__all__ = ["KEYS_OF_KINDS", "PRESET_KINDS", "VALUES"]

_CONNECTION = ("conn_id connection_id conn credential credentials", "connection: shop")
_NO_ADDRESS = (
    "url host hosts port login user username password token vhost virtual_host bootstrap_servers brokers servers",
    "nothing: address and login belong to the Connection",
)
_BODY = ("message payload value data json content msg", "body: {Number: order.number}; left out, it is the entity")
_NO_DECLARING = ("durable auto_delete exclusive declare passive", "nothing: it has to exist, and is not declared here")
_RESENDING = ("retries max_retries retry", "nothing: delivery: {retry: {attempts: 10}} at the top counts")

_PAGING = by_word(
    ("page_size per_page limit page_limit size_parameter batch_size", "size: 100, size_param: limit"),
    ("cursor_param cursor_parameter cursor_name page_token_option query_param", "param: cursor"),
    ("page_param page_parameter page_name offset_param offset_parameter page_number_param", "param: page"),
    ("cursor_path cursor_value next_path next_url next_page next_link cursor", "next: body.next_cursor"),
    ("stop_condition stop_when until last_page", "end_when: body.last, where the style has it"),
    ("total_path total_count", "total: body.total"),
    ("next_cursor cursor_field", "next: body.next_cursor"),
    ("max_pages maximum_pages", "nothing: `run --limit` fetches less; at_most is what the API shows at most"),
)
_FILES_READ = by_word(
    _CONNECTION,
    (
        "pattern glob globs file files file_pattern wildcard filename file_name mask folder directory dir bucket",
        "path: /data/in/*.csv",
    ),
    ("url uri prefix", "path: /data/in/*.csv"),
    ("archive move move_to archive_path archive_folder processed_path", "after: {move: read}"),
    ("delete delete_after remove delete_source", "after: delete"),
    ("start_date modified_after newer_than", "since: modified"),
    ("compression gzip unzip", "nothing: .gz, .bz2, .xz and .zip are unpacked"),
    ("recursive", "path: /data/in/**/*.csv"),
    ("options", 'csv: {delimiter: ";"}, or another format by its name, with its options'),
    ("host hosts port login user username password", "nothing: address and login belong to the Connection"),
)
_EXCEL = by_word(
    ("sheet_name tab worksheet", "sheet: Prices"),
    ("header_row skip_rows skiprows start_row first_row", "skip: 1, for the rows above the header"),
    ("range cells usecols", "skip: 1, for the rows above the header; all columns are read, and map takes some"),
)
_CURSOR = by_word(
    ("column path cursor_path cursor_field name key", "field: updated_at"),
    ("start start_date start_value initial_value from since default", "initial: 2026-01-31T00:00:00Z"),
    ("overlap lookback lookback_window delay buffer", "lag: 2m"),
    ("query parameter query_param cursor_param", "param: since"),
)
_CURSOR_OF_TABLE = by_word(
    ("field path cursor_path cursor_field name key", "column: updated_at"),
    ("start start_date start_value initial_value from since default", "initial: 2026-01-31T00:00:00Z"),
    ("overlap lookback lookback_window delay buffer", "lag: 2m"),
    ("tiebreaker tie_breaker id primary_key order_by", "tie: id"),
)
_FOUND_BY = by_word(
    ("records result data items data_path", "target: body.contacts"),
    ("url endpoint", "path: /contacts"),
    ("verb", "method: GET"),
)
_REQUEST_OF_UPSERT = by_word(("url endpoint", "path: /contacts"), ("verb type", "method: PATCH"))
_UPSERT = by_word(
    ("search get lookup query", "find: {path: /contacts, …}"),
    ("insert post add", "create: {path: /contacts}"),
    ("put patch modify", 'update: {method: PATCH, path: "/contacts/{{ target.id }}"}'),
)
_FILES_WRITTEN = by_word(
    _CONNECTION,
    ("mode overwrite append replace write_mode write_disposition exists", "if_exists: number, or if_exists: replace"),
    (
        "folder directory bucket prefix key filename file_name name url uri",
        'path: "/data/out/orders_{{ window.start | date }}.csv"',
    ),
    ("compression gzip", "path: /data/out/orders.csv.gz"),
    ("max_rows max_records rows_per_file", "most: 10000"),
    ("json", "format: json"),
    ("jsonl ndjson json_lines jsonlines", "format: json_lines"),
)
_RABBITMQ = by_word(
    _CONNECTION,
    _NO_ADDRESS,
    _BODY,
    _NO_DECLARING,
    _RESENDING,
    ("topic subject", "exchange: orders, routing_key: orders.new"),
    ("delivery_mode", "persistent: true"),
    ("routingKey key routing", "routing_key: orders.new"),
)
_KAFKA = by_word(
    _CONNECTION,
    _NO_ADDRESS,
    _BODY,
    _RESENDING,
    ("acks linger_ms enable_idempotence", "nothing: a message counts when all replicas have it"),
    ("message_key partition_key partition", 'key: "{{ order.id }}"'),
    ("topics queue", "topic: orders"),
)
_REDIS = by_word(
    _CONNECTION,
    _NO_ADDRESS,
    _BODY,
    _RESENDING,
    ("channel list queue topic key stream_key", "stream: orders"),
    ("maxlen max_len", "max_length: 1000000"),
)
_SQS = by_word(
    _CONNECTION,
    _BODY,
    _RESENDING,
    ("queue_url queueUrl QueueUrl queue_name url", "queue: orders; its account and region belong to the Connection"),
    ("message_group_id MessageGroupId group_id", 'group: "{{ order.customer.id }}"'),
    ("message_body MessageBody", "body: {Number: order.number}; left out, it is the entity"),
)
_NATS = by_word(_CONNECTION, _NO_ADDRESS, _BODY, _RESENDING, ("topic channel queue", 'subject: "shop.orders"'))
_MQTT = by_word(
    _CONNECTION, _NO_ADDRESS, _BODY, _RESENDING, ("retained", "retain: true"), ("topics subject queue", "topic: orders")
)
_READING = (
    "ack auto_ack no_ack acknowledge acks auto_commit enable_auto_commit",
    "nothing: a message is acknowledged when the inbox has it on disk",
)
_HEARD = (
    _CONNECTION,
    _NO_ADDRESS,
    _READING,
    ("batch batch_size max_messages prefetch_count max_poll_records", "prefetch: 100"),
    ("data_path items root", "records: body.orders"),
    ("dlq dead_letter dead_letter_queue", "dead_letters: true"),
)
_MAIL = by_word(
    _CONNECTION,
    _NO_ADDRESS,
    _RESENDING,
    ("body html html_body html_content message content", 'text: "Your order {{ order.number }}"; mails are plain text'),
    ("sender from_email mail_from", "from: shop@example.com"),
    ("recipient receiver to_email to_emails", 'to: "{{ order.customer.email }}"'),
    ("title", 'subject: "Your order {{ order.number }}"'),
    ("attachments files file", "attachment: {name: orders.csv}"),
)
_MAILBOX = by_word(
    *_HEARD,
    ("mailbox inbox label", "folder: INBOX"),
    ("attachment pattern filename file_pattern attachment_pattern", 'attachments: "*.csv"'),
    ("mark_seen mark_as_read after", "then: seen"),
    ("move move_to archive", "then: {move: Done}"),
    ("delete", "then: delete"),
    ("interval poll polling_interval", "every: 1m"),
    ("filter criteria", "search: UNSEEN"),
)
_ODATA = by_word(
    _CONNECTION,
    ("path resource entity entityset EntitySet collection endpoint url table", "entity_set: Orders"),
    ("$filter where", "filter: Status eq @status, with values: {status: var.status}"),
    ("$select columns fields", "select: [OrderID, Status]"),
    ("$expand include", "expand: [items]"),
    ("$orderby orderby sort", "order_by: [OrderID]"),
    ("$top top limit $skip skip max_page_size", "page_size: 100"),
)
_GRAPHQL = by_word(
    _CONNECTION,
    ("endpoint url uri", "path: /graphql"),
    ("data_path items record_path root", "records: orders"),
    ("cursor pagination paginate", "after: …, the query's variable that continues a list"),
    ("mutation statement document", "query: …"),
)
_TRIGGER = by_word(
    *((kind, f"listen: {{{kind}: {{…}}}}") for kind in ("kafka", "rabbitmq", "redis", "nats", "mqtt", "sqs", "imap")),
    *((kind, f"listen: {{{kind}: {{…}}}}") for kind in ("files", "sql_outbox", "postgres_changes")),
    ("queue amqp broker", "listen: {rabbitmq: {connection: broker, queue: orders}}"),
    ("email mail mailbox", "listen: {imap: {connection: mailbox}}"),
    ("file folder sftp s3", "listen: {files: {path: /data/in/*.csv}}"),
    ("outbox database table cdc", "listen: {sql_outbox: {…}}, or listen: {postgres_changes: {…}}"),
    ("http request event events api", "webhook: {path: shop/orders, verify: {shopify: <Connection>}}"),
    ("schedule cron every interval", "nothing: schedule: {every: 15m} stands at the top, beside trigger"),
    ("manual workflow_dispatch", "nothing: without schedule and trigger a route runs when somebody starts it"),
)
_GROUP = by_word(
    ("key keys on field fields column columns", "by: order_no"),
    ("as into name items alias", "lines: positions"),
    ("header first common", "same: [customer, order_date]"),
)
_OUTBOX = by_word(
    _CONNECTION,
    ("interval poll poll_interval polling_interval", "every: 2s"),
    ("body message data column", "payload: payload"),
    ("processed_at processed sent status delete mark", "taken: {time: processed_at}"),
    ("primary_key key", "id: id"),
)
KEYS_OF_KINDS: dict[tuple[str, ...], dict[str, str]] = {
    ("pagination",): _PAGING,
    ("cursor",): _CURSOR,
    ("incoming", "sql", "cursor"): _CURSOR_OF_TABLE,
    ("excel",): _EXCEL,
    ("after",): by_word(("archive rename to folder", "move: read")),
    ("http",): by_word(("result response response_path", "records: body, for the part of the answer that is meant")),
    ("upsert",): _UPSERT,
    ("find",): _FOUND_BY,
    ("create",): _REQUEST_OF_UPSERT,
    ("update",): _REQUEST_OF_UPSERT,
    ("hmac",): by_word(("key token", "secret: <Connection>"), ("signature signature_header", "header: X-Signature")),
    ("entity", "group"): _GROUP,
    ("trigger",): _TRIGGER,
    ("incoming", "files"): _FILES_READ,
    ("outgoing", "files"): _FILES_WRITTEN,
    ("outgoing", "rabbitmq"): _RABBITMQ,
    ("outgoing", "kafka"): _KAFKA,
    ("outgoing", "redis"): _REDIS,
    ("outgoing", "sqs"): _SQS,
    ("outgoing", "nats"): _NATS,
    ("outgoing", "mqtt"): _MQTT,
    ("outgoing", "email"): _MAIL,
    ("incoming", "odata"): _ODATA,
    ("incoming", "graphql"): _GRAPHQL,
    ("outgoing", "graphql"): _GRAPHQL,
    ("trigger", "listen", "rabbitmq"): by_word(*_HEARD, ("topic exchange routing_key", "queue: orders"), _NO_DECLARING),
    ("trigger", "listen", "kafka"): by_word(
        *_HEARD,
        ("topic", "topics: [orders]"),
        ("group_id consumer_group group_name", "group: erp"),
        ("auto_offset_reset offset_reset offset from_beginning", "since: oldest"),
    ),
    ("trigger", "listen", "sqs"): by_word(*_HEARD, ("queue_url queueUrl QueueUrl queue_name", "queue: orders")),
    ("trigger", "listen", "mqtt"): by_word(*_HEARD, ("topic", "topics: [shop/orders]")),
    ("trigger", "listen", "redis"): by_word(
        *_HEARD, ("channel key queue topic", "stream: orders"), ("consumer_group group_id", "group: erp")
    ),
    ("trigger", "listen", "imap"): _MAILBOX,
    ("trigger", "listen", "sql_outbox"): _OUTBOX,
}
"""Place to the words that people write there, each with what to write."""

VALUES: dict[tuple[str, ...], dict[str, str]] = {
    ("sql", "mode"): by_word(
        ("merge insert_or_update insert_update scd incremental", "upsert"),
        ("replace overwrite truncate full full_refresh", "upsert; missing: emit at the top deletes what is gone"),
        ("insert_only create", "insert, or append for rows without a key"),
    ),
    ("http", "method"): by_word(
        ("upsert merge", "PUT where the address has the key, or upsert: {find: {…}, create: {…}, update: {…}}"),
        ("create insert", "POST"),
        ("update", "PUT or PATCH"),
        ("get head", "POST, PUT or PATCH: an outgoing sends; what reads is incoming, or a lookup"),
    ),
    ("webhook", "verify"): by_word(
        ("hmac sha256 signature", "{hmac: {header: X-Signature, secret: <Connection>}}"),
        ("token api_key bearer", "{header: {name: X-Token, secret: <Connection>}}"),
    ),
    ("files", "after"): by_word(("archive move rename processed", "{move: read}"), ("remove unlink", "delete")),
    ("imap", "then"): by_word(("archive move done", "{move: Done}"), ("read mark_read mark_seen mark_as_read", "seen")),
    ("files", "if_exists"): by_word(("overwrite", "replace"), ("append new rename", "number")),
    ("delivery", "in_doubt"): by_word(("retry send", "resend"), ("manual ask skip", "hold"), ("check", "verify")),
}
"""Where a value stands to words for it, in small letters, each with what to write."""

PRESET_KINDS = frozenset(
    (
        *("shopify", "woocommerce", "magento", "bigcommerce", "salesforce", "sap", "s4hana", "netsuite", "odoo"),
        *("dynamics", "hubspot", "stripe", "quickbooks", "xero", "zendesk", "jira", "airtable", "notion"),
    )
)
"""Systems that other tools have a connector for."""

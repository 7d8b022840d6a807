"""Remedies for what people write in templates who know those of other tools."""

from __future__ import annotations

import re

from airflow_integrations.config.suggestions import by_word
from airflow_integrations.expressions.functions.catalogue import CATALOGUE

__all__ = ["call_remedy", "filter_remedy", "syntax_remedy"]

_NO_CLOCK = "there is no clock here, so that a replay gives the same; write {{ window.end }}"
_CALLS: dict[str, str] = by_word(
    ("now utcnow today now_utc today_utc timestamp strftime datetime", _NO_CLOCK),
    ("env env_var getenv", "write {{ var.name }} for an Airflow Variable, {{ params.name }} for a value of the run"),
    ("ds_add ds_format format_datetime", "write {{ window.start | format('YYYY-MM-DD') }}"),
    ("isoformat to_iso8601_string", "write {{ window.start }}, which is RFC 3339 in UTC"),
    ("str string", "write the value alone: {{ order.number }}"),
    ("int float", "write the value alone: {{ order.number }}"),
    ("len", "write {{ order.lines | length }}"),
    ("get", "write {{ order.note | default('') }}"),
    ("join", "write {{ order.tags | join(',') }}"),
    ("upper", "write {{ order.name | upper }}"),
    ("lower", "write {{ order.name | lower }}"),
    ("replace", "write {{ order.name | replace('a', 'b') }}"),
)
_FILTERS: dict[str, str] = by_word(
    ("tojson to_nice_json jsonify dump", "json"),
    ("string int float as_text", ""),
    ("upcase", "upper"),
    ("downcase", "lower"),
    ("strip", "trim"),
    ("size count", "length"),
    ("url_encode urlize cgi_escape uri_escape uri", ""),
    ("escape e xmlescape xml_escape", "xml"),
    ("strftime format_datetime date_format datetimeformat", "format('YYYY-MM-DD')"),
    ("ds", "date"),
    ("ds_nodash", "format('YYYYMMDD')"),
    ("ts isoformat iso8601", "iso"),
    ("timestamp epoch", "unix"),
    ("d default_if_none fallback", "default('')"),
    ("slugify", "slug"),
    ("b64encode base64_encode toBase64 base64encode", "base64"),
    ("b64decode base64_decode base64decode", "from_base64"),
    ("urlsafe_b64encode base64_url_safe_encode base64url_encode", "base64url"),
    ("from_json fromjson parseJson", "parse_json"),
    ("groupby", "group_by('sku')"),
    ("batch slice", "chunk(50)"),
    ("sha1 hash sha256sum checksum", "sha256"),
    ("regex_search regexp_extract", "regex_extract('PO-([0-9]+)')"),
    ("regex_findall", "regex_extract_all('[0-9]+')"),
    ("regexp_replace", "regex_replace('[^0-9]', '')"),
    ("timezone tz to_timezone convert_timezone", "local('Europe/Madrid')"),
    ("truncatechars", "truncate(255)"),
    ("mandatory", "required('unknown product')"),
    ("sort", "sorted"),
    ("reverse", "reversed"),
    ("uniq distinct", "unique"),
    ("url_decode unquote", "urldecode"),
    ("money_without_currency number_format toFixed", "decimal(2)"),
    ("safe", "raw"),
)


def call_remedy(name: str) -> str:
    """What to write for a call in a template."""
    if name in CATALOGUE and name not in _CALLS:
        first, *rest = CATALOGUE[name].signature.parameters
        used = f"{name}(…)" if rest else name
        return f"nothing is called in a template; use a filter, {first} | {used}: what it is about stands before the |"
    remedy = _CALLS.get(name) or "use a filter, such as {{ window.start | format('YYYY-MM-DD') }}"
    return f"nothing is called in a template; {remedy}"


def filter_remedy(name: str) -> str | None:
    """What to write for a filter of another tool's templates; None where nothing is known."""
    if "hmac" in name.lower():
        return "an HMAC needs a secret; a Connection signs its requests: `sign` with auth hmac"
    if name not in _FILTERS:
        return None
    return f"write | {_FILTERS[name]}" if _FILTERS[name] else "write the value without it: values are text here anyway"


def syntax_remedy(text: str) -> str:
    """What to write for a template that cannot be read; empty where nobody can tell."""
    if found := re.search(r"\{\{\s*\$+(?:json|node|item|payload|body)?\.?(\w[\w.]*)", text):
        return f"; write {{{{ order.{found[1]} }}}}"
    if re.search(r"\|\s*date\s*:", text):
        return "; write {{ order.created_at | format('YYYY-MM-DD') }}"
    if found := re.search(r"\|\s*(\w+)\s*:\s*([^}|]+)", text):
        return f"; arguments stand in brackets: | {found[1]}({found[2].strip()})"
    if found := re.search(r"\{\{\s*(\d+)\.(\w+)", text):
        return f"; write {{{{ order.{found[2]} }}}}"
    if found := re.search(r"([A-Za-z_]\w*)\[\s*['\"]?(\w+)['\"]?\s*$", text):
        return f"; write {{{{ {found[1]}.{found[2]} }}}}"
    for pattern, remedy in (
        (r"&&", "write `and` for &&"),
        (r"\|\|", "write | default('…') for ||"),
        (r"\?\?", "write | default('…') for ??"),
        (r"===", "write == for ==="),
        (r"\?", "write {{ a if condition else b }}"),
        (r"\{%\s*(?:assign|capture)\b", "write {% set name = value %}"),
        (r"\{%\s*(?:unless|elsif|case)\b", "write {% if %}, {% elif %}, {% else %} and {% endif %}"),
        (r"\{\{[#/^]", "write {% for line in order.lines %} … {% endfor %}"),
    ):
        if re.search(pattern, text):
            return f"; {remedy}"
    opened, closed = text.count("{{"), text.count("}}")
    return "; {{ and }} stand in pairs" if opened != closed else ""

"""A secret is hidden in whatever form a server says it back."""

from __future__ import annotations

import html
import json
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape as xml_escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_integrations.http.escaped_secrets import SecretFinder

Escaping = Callable[[str], str]


def _utf16(char: str) -> str:
    pairs = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pairs[at]:02x}{pairs[at + 1]:02X}" for at in range(0, len(pairs), 2))


ESCAPINGS: dict[str, Escaping] = {
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "PHP's JSON": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON of Go": lambda text: json.dumps(text)[1:-1].replace("<", "\\u003c").replace("&", "\\u0026"),
    "JSON, every character": lambda text: "".join(map(_utf16, text)),
    "repr": lambda text: repr(text)[1:-1],
    "bytes' repr": lambda text: repr(text.encode())[2:-1],
    "HTML": html.escape,
    "XML": xml_escape,
    "HTML, decimal": lambda text: "".join(f"&#{ord(char)};" if not char.isalnum() else char for char in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(char):X};" if not char.isalnum() else char for char in text),
    "URL": lambda text: quote(text, safe=""),
    "URL, lower case": lambda text: "".join(
        char if char.isalnum() and char.isascii() else "".join(f"%{byte:02x}" for byte in char.encode())
        for char in text
    ),
    "URL path": quote,
    "form": quote_plus,
    "every byte": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "CSV": lambda text: text.replace('"', '""'),
    "SQL": lambda text: text.replace("'", "''"),
    "shell": lambda text: text.replace("'", "'\\''"),
}
# What a credential or a personal field may hold, with all that escapings treat in a way of their own.
CHARACTERS = "aZ09éß€😀/\\\"'&<>%+= -_.:;#u\n\t"
secrets = st.text(CHARACTERS, min_size=8, max_size=40).filter(lambda text: sum(map(str.isalnum, text)) >= 5)
around = st.sampled_from(["", " ", '{"key":"', "key=", "<b>", "Key: ", "…", "\n", '"', "no such user: ", "\\n"])


@settings(max_examples=1500, deadline=None)
@given(
    secrets, st.lists(st.sampled_from(sorted(ESCAPINGS)), max_size=4), around, st.sampled_from(["", " ", '"', "&x=1"])
)
def test_no_composition_of_escapings_shows_a_secret(secret: str, names: list[str], before: str, after: str) -> None:
    said = secret
    for name in names:
        said = ESCAPINGS[name](said)
    shown = SecretFinder([secret]).hide(f"{before}{said}{after}")
    assert "***" in shown
    assert said not in shown
    assert secret not in shown


@settings(max_examples=500, deadline=None)
@given(
    secrets, st.binary(max_size=7), st.binary(max_size=7), st.lists(st.sampled_from(["URL", "PHP's JSON"]), max_size=2)
)
def test_nor_does_base64_of_it(secret: str, before: bytes, after: bytes, names: list[str]) -> None:
    for encoded in (b64encode(before + secret.encode() + after), urlsafe_b64encode(before + secret.encode() + after)):
        said = encoded.decode()
        for name in names:
            said = ESCAPINGS[name](said)
        assert "***" in SecretFinder([secret]).hide(f"Authorization: Basic {said}")


@given(st.text("aB%\\&#;u0041x/é \"'+…😀\n", max_size=60), st.lists(secrets, max_size=3))
def test_a_text_without_a_secret_stays_as_it_is(text: str, known: list[str]) -> None:
    letters = [f"{secret}~~~~" for secret in known]
    assert SecretFinder(letters).hide(text) == text


@settings(max_examples=300, deadline=None)
@given(st.text("abc09é/-.@", min_size=8, max_size=40), st.integers(4, 40), st.sampled_from(sorted(ESCAPINGS)))
def test_the_beginning_of_one_that_was_cut_off_is_hidden_too(secret: str, kept: int, name: str) -> None:
    begun = ESCAPINGS[name](secret[: min(kept, len(secret) - 1)])
    shown = SecretFinder([secret]).hide(f"it said: {begun}…")
    assert "***" in shown
    assert begun not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"path":"a\\/b-c\\/d","n":1}', '{"path":"***","n":1}'),
        ("a%2fb-c%2Fd and a/b-c/d", "*** and ***"),
        ("q=a%252Fb-c%252Fd&x", "q=***&x"),
        ("a/b-c/da/b-c/d", "******"),
        ("a/b-c and b-c/d", "a/b-c and b-c/d"),
        ("it said: a\\/b-…", "it said: ***…"),
        ("it said: a%2Fb-c%2…", "it said: ***…"),
    ],
)
def test_only_the_secret_is_hidden(text: str, shown: str) -> None:
    assert SecretFinder(["a/b-c/d"]).hide(text) == shown


def test_short_texts_are_not_looked_for() -> None:
    assert SecretFinder(["abc", ""]).hide("abc abc") == "abc abc"


@pytest.mark.parametrize("piece", ["\\", "%25", "&amp;", "\\u005c", "%", "&#38;", "a%2Fb-", '\\"', "a/b-c/d", "+49171"])
@pytest.mark.parametrize("many", [1, 400])
def test_the_work_is_linear_in_the_text(piece: str, many: int) -> None:
    finder = SecretFinder(["a/b-c/d", *(f"+49171{at:07}" for at in range(many))])

    def seconds(length: int) -> float:
        text, best = (piece * (length // len(piece) + 1))[:length] + "…", float("inf")
        for _ in range(3):
            begun = time.process_time()
            finder.hide(text)
            best = min(best, time.process_time() - begun)
        return best

    assert seconds(80_000) < 30 * max(seconds(8_000), 0.002)


def test_thousands_of_secrets_are_looked_for_in_one_pass() -> None:
    finder = SecretFinder(f"buyer-{at}@example.com" for at in range(5_000))
    text = " ".join(f"buyer-{at}%40example.com" for at in range(0, 10_000, 3))
    begun = time.process_time()
    shown = finder.hide(text)
    assert time.process_time() - begun < 3
    assert shown.count("***") == 1667


@pytest.mark.parametrize("secret", ["O'Neil", "+49 171 1234567", "who? me", "a:b+c'd*e", "???????"])
def test_edifacts_release_character_hides_nothing(secret: str) -> None:
    written = "".join(f"?{char}" if char in "+:'?*" else char for char in secret)
    assert SecretFinder([secret]).hide(f"NAD+BY+{written}'UNS+S'").startswith("NAD+BY+***")

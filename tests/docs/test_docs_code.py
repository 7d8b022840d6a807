"""Code that README and docs/ show in Python, shell or JSON can be read, and what it imports is there."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import textwrap
from importlib import import_module

import pytest
from doc_pages import PAGES

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>python|sh|bash|json)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL
)
OWN = ("airflow", "airflow_integrations", "pydantic", "pytest")


def blocks(*languages: str) -> list[object]:
    return [
        pytest.param(textwrap.dedent(found["text"]), id=f"{page.name}:{content.count(chr(10), 0, found.start()) + 1}")
        for page in PAGES
        for content in [page.read_text(encoding="utf-8")]
        for found in FENCE.finditer(content)
        if found["language"] in languages
    ]


@pytest.mark.parametrize("text", blocks("python"))
def test_python_is_python_and_imports_what_is_there(text: str) -> None:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in OWN:
            module = import_module(node.module)
            for name in node.names:
                assert hasattr(module, name.name), f"{node.module} has no {name.name}"


@pytest.mark.parametrize("text", blocks("sh", "bash"))
def test_a_shell_can_read_it(text: str) -> None:
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text", blocks("json"))
def test_json_is_json(text: str) -> None:
    json.loads(text)

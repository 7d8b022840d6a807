"""The project file and the README of a new kind's package."""

from __future__ import annotations

from string import Template

__all__ = ["PROJECT", "README"]

PROJECT = Template("""\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "airflow-integrations-$dashed"
version = "0.1.0"
description = "The $what $name for Airflow Integrations."
requires-python = ">=3.11"
dependencies = ["airflow-integrations"]

[project.optional-dependencies]
test = ["pytest"]

[project.entry-points."airflow_integrations.$part"]
$name = "$package:$cls"

[tool.hatch.build.targets.wheel]
packages = ["$package"]

[tool.pytest.ini_options]
testpaths = ["tests"]
""")

README = Template("""\
# The $what `$name`

```sh
pip install --editable '.[test]'    # registers the kind: routes may write `$name` now
pytest                              # the tests that every $what has to pass
```
""")

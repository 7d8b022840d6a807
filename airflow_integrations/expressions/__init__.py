"""Expressions and templates: Python expressions where data is meant, Jinja where text for a request is written.

Both are checked when they are made and compiled once. The compilers are imported when something is compiled.
"""

from __future__ import annotations

from airflow_integrations.expressions.expression import Expression
from airflow_integrations.expressions.fields import FieldWatch
from airflow_integrations.expressions.namespace import Namespace
from airflow_integrations.expressions.scopes import AIRFLOW_NAMES, SCOPES, Flavor, Scope, Sees, scope_names
from airflow_integrations.expressions.structures.structure import Structure
from airflow_integrations.expressions.templates.template import Template, Texts, texts_of

__all__ = [
    "AIRFLOW_NAMES",
    "SCOPES",
    "Expression",
    "FieldWatch",
    "Flavor",
    "Namespace",
    "Scope",
    "Sees",
    "Structure",
    "Template",
    "Texts",
    "scope_names",
    "texts_of",
]

"""A report of route tests as JUnit XML, which CI systems show."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring  # writes only

from airflow_integrations.testing.runner import Report

__all__ = ["junit"]

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report) -> str:
    """One test case a route test; a file that cannot be used is a test case with an error."""
    failed = sum(not outcome.passed for outcome in report.outcomes)
    suite = Element(
        "testsuite",
        name="airflow-integrations",
        tests=str(len(report.outcomes) + len(report.mistakes)),
        failures=str(failed),
        errors=str(len(report.mistakes)),
        time=f"{sum(outcome.seconds for outcome in report.outcomes):.3f}",
    )
    for outcome in report.outcomes:
        case = SubElement(
            suite,
            "testcase",
            classname=outcome.route,
            name=_text(outcome.name),
            file=outcome.file,
            line=str(outcome.line),
            time=f"{outcome.seconds:.3f}",
        )
        if not outcome.passed:
            failure = SubElement(case, "failure", message=_text(outcome.failures[0]))
            failure.text = _text("\n".join(outcome.failures))
    for mistake in report.mistakes:
        case = SubElement(
            suite,
            "testcase",
            classname=mistake.file,
            name=mistake.path or "file",
            file=mistake.file,
            line=str(mistake.line),
        )
        SubElement(case, "error", message=_text(mistake.message)).text = _text(str(mistake))
    indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suite, encoding="unicode") + "\n"


def _text(text: str) -> str:
    """XML has no control characters, escaped or not."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)

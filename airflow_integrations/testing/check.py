"""Whether a trial came out as a test expects: every difference in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from airflow_integrations.config.suggestions import continued
from airflow_integrations.ledger.status import INCOMING, OUTCOMES
from airflow_integrations.simulate.replay import Heard
from airflow_integrations.simulate.trial import Left, Trial
from airflow_integrations.testing.case import Expected, ExpectedRequest
from airflow_integrations.testing.compare import differences, shown

__all__ = ["failures"]


def failures(expected: Expected, trial: Trial, unanswered: Iterable[Heard] = ()) -> list[str]:
    """What is not as expected, in the order in which a person looks for causes; empty where all is."""
    found = [
        f"{heard} to Connection {heard.connection!r} has no recorded answer; "
        f"add it under given.answers.{heard.connection}"
        for heard in unanswered
    ]
    found += _error(expected, trial)
    if trial.error is not None and expected.error is None:
        return found  # the rest follows from it
    found += _rejected(expected, trial)
    found += _keys("filtered", expected.filtered, trial.filtered)
    found += _keys("merged", expected.merged, trial.merged)
    found += _entities(expected, trial)
    found += _stored(expected, trial)
    found += _requests(expected, trial)
    found += _balance(expected, trial)
    found += _warnings(expected, trial)
    return found


def _error(expected: Expected, trial: Trial) -> Iterator[str]:
    if trial.error is None:
        if expected.error is not None:
            yield f"error: expected the run to fail with {expected.error!r}, but it went through"
    elif expected.error is None:
        yield f"the run failed: {trial.error}"
    elif not re.search(expected.error, str(trial.error)):
        yield f"error: expected {expected.error!r}, got {str(trial.error)!r}"


def _rejected(expected: Expected, trial: Trial) -> Iterator[str]:
    came = {problem.key: problem.reason for problem in trial.rejected}
    for key, reason in came.items():
        pattern = expected.rejected.get(key)
        if pattern is None:
            yield f"rejected: {key or '(an entity without a key)'} was rejected, which is not expected: {reason}"
        elif not re.search(pattern, reason):
            yield f"rejected.{key}: expected a reason with {pattern!r}, got {reason!r}"
    for key in expected.rejected:
        if key not in came:
            yield f"rejected: expected {key} to be rejected, but it {_fate(key, trial)}"


def _stored(expected: Expected, trial: Trial) -> Iterator[str]:
    for store, values in (expected.stored or {}).items():
        came = trial.stored.get(store, {})
        for key in sorted({*values, *came}):
            if key not in came:
                yield f"stored.{store}: expected {key}, but it was not stored"
            elif key not in values:
                yield f"stored.{store}: {key} was stored, which is not expected: {shown(came[key])}"
            else:
                yield from differences(values[key], came[key], place=f"stored.{store}.{key}")


def _keys(what: str, expected: tuple[str, ...] | None, left: list[Left]) -> Iterator[str]:
    if expected is None:
        return
    wanted, came = Counter(expected), Counter(entity.key for entity in left)
    for key in (wanted - came).elements():
        yield f"{what}: expected {key}, but it was not {what}"
    places = {entity.key: entity.place for entity in left}
    for key in (came - wanted).elements():
        yield f"{what}: {key} was {what} by {places[key]}, which is not expected"


def _fate(key: str, trial: Trial) -> str:
    if any(entity.key == key for entity in trial.passed):
        return "goes on to the outgoing"
    if any(entity.key == key for entity in trial.filtered):
        return "was filtered"
    if any(entity.key == key for entity in trial.merged):
        return "was merged"
    return "was never fetched"


def _entities(expected: Expected, trial: Trial) -> Iterator[str]:
    if expected.entities is None:
        return
    partial = expected.match == "partial"
    for index, (wanted, passed) in enumerate(zip(expected.entities, trial.passed, strict=False)):
        for difference in differences(wanted, passed.value, partial=partial):
            yield f"entities[{index}] ({passed.key}) {difference}"
    for index in range(len(trial.passed), len(expected.entities)):
        yield f"entities[{index}]: expected {shown(expected.entities[index])}, but only {len(trial.passed)} came"
    for index in range(len(expected.entities), len(trial.passed)):
        passed = trial.passed[index]
        yield f"entities[{index}] ({passed.key}): not expected, got {shown(passed.value)}"


def _requests(expected: Expected, trial: Trial) -> Iterator[str]:
    for connection, wanted in expected.requests.items():
        came = trial.requests.get(connection, [])
        for index, (request, heard) in enumerate(zip(wanted, came, strict=False)):
            for difference in _request(request, heard, partial=expected.match == "partial"):
                yield f"requests.{connection}[{index}] {difference}"
        for index in range(len(came), len(wanted)):
            request = wanted[index]
            what = f"{request.method or 'a request'} {request.path or ''}".strip()
            yield f"requests.{connection}[{index}]: expected {what}, but only {len(came)} came"
        for index in range(len(wanted), len(came)):
            yield f"requests.{connection}[{index}]: not expected, got {came[index]}"


def _request(expected: ExpectedRequest, heard: Heard, *, partial: bool) -> Iterator[str]:
    yield from differences(expected.method or heard.method, heard.method, place="method")
    yield from differences(expected.path or heard.path, heard.path, place="path")
    if expected.query is not None:
        yield from differences(expected.query, heard.parameters, place="query")
    headers = {name.lower(): text for name, text in heard.headers.items()}
    for name, text in expected.headers.items():
        if name.lower() not in headers:
            yield f"headers.{name}: expected {text!r}, but it was not sent"
        else:
            yield from differences(text, headers[name.lower()], place=f"headers.{name}")
    if "body" in expected.model_fields_set:
        yield from differences(_plain(expected.body), heard.data, partial=partial, place="body")
    if expected.text is not None:
        yield from differences(expected.text, heard.body.decode("utf-8", "replace"), place="text")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _balance(expected: Expected, trial: Trial) -> Iterator[str]:
    counts = trial.balance.counts if trial.balance else {}
    for name, count in expected.balance.items():
        if name not in counts:
            yield f"balance: there is no count {name!r}{continued(name, (*INCOMING, *OUTCOMES))}"
        elif counts[name] != count:
            yield f"balance.{name}: expected {count}, got {counts[name]}"


def _warnings(expected: Expected, trial: Trial) -> Iterator[str]:
    if expected.warnings is None:
        return
    left = list(trial.warnings)
    for pattern in expected.warnings:
        match = next((warning for warning in left if re.search(pattern, warning)), None)
        if match is None:
            yield f"warnings: expected one with {pattern!r}; came: {'; '.join(trial.warnings) or 'none'}"
        else:
            left.remove(match)
    for warning in left:
        yield f"warnings: not expected: {warning}"

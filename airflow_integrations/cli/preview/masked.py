"""A preview without what the route's mask hides."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from airflow_integrations.formats.json import encode
from airflow_integrations.masking.mask import Mask, hide
from airflow_integrations.route.definition import Route
from airflow_integrations.simulate.replay import Heard
from airflow_integrations.simulate.trial import Trial

__all__ = ["masked_trial"]


def masked_trial(trial: Trial, route: Route) -> Trial:
    """A preview as it may be shown: records, what goes out, requests and reasons."""
    mask = Mask(route.mask, entity=route.entity.name)
    if not mask:
        return trial
    passed = [value for each in trial.passed for value in (each.source, each.value)]
    secrets = mask.secrets(*passed, *(value for each in trial.problems for value in (each.source, each.value)))
    return replace(
        trial,
        passed=[
            replace(each, source=hide(mask.value(each.source), secrets), value=hide(mask.value(each.value), secrets))
            for each in trial.passed
        ],
        problems=[msgspec.structs.replace(each, reason=hide(each.reason, secrets)) for each in trial.problems],
        requests={
            name: [_masked(heard, mask, secrets) for heard in requests] for name, requests in trial.requests.items()
        },
        warnings=[hide(warning, secrets) for warning in trial.warnings],
    )


def _masked(heard: Heard, mask: Mask, secrets: frozenset[str]) -> Heard:
    data = hide(mask.value(heard.data), secrets)
    return replace(
        heard,
        path=hide(heard.path, secrets),
        query=tuple((name, hide(value, secrets)) for name, value in heard.query),
        body=b"" if data is None else data.encode() if isinstance(data, str) else encode(data),
    )

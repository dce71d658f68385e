"""The OpenAPI document against a running gateway: schemathesis sends what the document allows, and what it does not."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.config import HealthCheck, SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from tests.e2e.processes import dev_process

EXAMPLES = 5
"""An operation, of random ones: nine in ten requests are the 2,200 that schemathesis derives from the document itself."""
SEED = 20260131
CANNOT_HOLD = {
    "positive_data_acceptance": "the document lets a value be any JSON; what it must be is its topic's contract to say",
    "not_a_server_error": "a version above the newest is 503; `server_faults` lets that one pass and no other",
}

MACHINES_OWN = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
"""What hypothesis says of how examples were made, not of what was answered; a busy machine brings it about."""

UNKNOWN_FIELD = "in header - object with unexpected properties"
"""Header fields that the document does not list are ignored, as HTTP asks (RFC 9110, section 5.1)."""


def codes(body: Any) -> set[str]:
    """The codes of a problem, or of a receipt's results; a result without an error has none."""
    rows = [row.get("error", row) for row in body["results"]] if "results" in body else [body]
    return {row.get("code", "") for row in rows}


def server_faults(recorder: ScenarioRecorder) -> Iterator[str]:
    """Answers of 500 and above, but for `version_not_here_yet`."""
    for case_id, interaction in recorder.interactions.items():
        response = interaction.response
        if response is not None and response.status_code >= 500:
            found = codes(json.loads(response.content))
            if (response.status_code, found) != (503, {"version_not_here_yet"}):
                yield f"{recorder.cases[case_id].value.operation.label}: {response.status_code} {sorted(found)}"


def broken_checks(recorder: ScenarioRecorder) -> Iterator[str]:
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None and UNKNOWN_FIELD not in str(check.failure_info.failure):
                label = recorder.cases[case_id].value.operation.label
                yield f"{label}: {check.name}: {check.failure_info.failure}\n{check.failure_info.code_sample}"


def test_what_is_served_is_what_the_document_says(tmp_path: Path) -> None:
    wrong: list[str] = []
    answered: set[str] = set()
    with dev_process(tmp_path) as facts:
        headers = {"Authorization": f"Bearer {facts['token']}"}
        schema = schemathesis.openapi.from_url(
            f"http://{facts['http']}/openapi.json",
            config=SchemathesisConfig(seed=SEED, suppress_health_check=MACHINES_OWN),
            headers=headers,
        )
        schema.config.update(headers=headers, continue_on_failure=True, request_timeout=10)
        schema.config.generation.update(max_examples=EXAMPLES, deterministic=True)
        schema.config.checks.update(excluded_check_names=list(CANNOT_HOLD))
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                wrong += [*broken_checks(event.recorder), *server_faults(event.recorder)]
                answered |= {case.value.operation.label for case in event.recorder.cases.values()}
            elif isinstance(event, events.NonFatalError | events.FatalError):
                wrong.append(f"{getattr(event, 'label', '')}: {getattr(event, 'value', event)!r}")
    assert not wrong, "\n\n".join(wrong)
    documented = {
        f"{method.upper()} {path}" for path, methods in schema.raw_schema["paths"].items() for method in methods
    }
    assert answered == documented - {"GET /openapi.json"}  # schemathesis leaves out where the document itself came from

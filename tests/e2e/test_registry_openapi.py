"""The registry's own OpenAPI document against a running gateway: schemathesis, every check that it has."""

from pathlib import Path

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from tests.e2e.processes import dev_process
from tests.e2e.test_openapi import MACHINES_OWN, broken_checks

EXAMPLES = 6
SEED = 20260131
CANNOT_HOLD = [
    "positive_data_acceptance",  # a subject or schema may be any text; which there are is the contracts' to say
    "negative_data_rejection",  # stock clients send parameters and members of their own, which a registry must ignore
    "ignored_auth",  # `dev` serves contracts to everybody
]


def test_the_registry_answers_as_its_document_says(tmp_path: Path) -> None:
    wrong: list[str] = []
    answered: set[str] = set()
    with dev_process(tmp_path) as facts:
        schema = schemathesis.openapi.from_url(
            f"http://{facts['http']}/registry/openapi.json",
            config=SchemathesisConfig(seed=SEED, suppress_health_check=MACHINES_OWN),
        )
        schema.config.update(continue_on_failure=True, request_timeout=10)
        schema.config.generation.update(max_examples=EXAMPLES, deterministic=True)
        schema.config.checks.update(excluded_check_names=CANNOT_HOLD)
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                wrong += broken_checks(event.recorder)
                answered |= {case.value.operation.label for case in event.recorder.cases.values()}
            elif isinstance(event, events.NonFatalError | events.FatalError):
                wrong.append(f"{getattr(event, 'label', '')}: {getattr(event, 'value', event)!r}")
    assert not wrong, "\n\n".join(wrong)
    documented = {f"{m.upper()} {path}" for path, methods in schema.raw_schema["paths"].items() for m in methods}
    assert answered == documented

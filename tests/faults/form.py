"""How long the faults last: the short form of CI, or the long one that faults.md asks for. Read by the tests.

`TIDEGATE_FAULTS=long` chooses (task `faults --long`); the seed of what is random comes from `TIDEGATE_FAULTS_SEED`.
"""

import os
from dataclasses import dataclass

__all__ = ["FORM", "Form"]

_SEED = 20260131


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """`delivery_timeout_s` is the gateways' `kafka.delivery_timeout_s`: its default in the long form."""

    long: bool
    seed: int

    @property
    def delivery_timeout_s(self) -> float:
        return 10.0 if self.long else 4.0

    @property
    def slack_s(self) -> float:
        """What a machine that others use may add to any bound in seconds; nothing where the long form judges figures."""
        return 0.0 if self.long else 4.0

    def seconds(self, short: float, long: float) -> float:
        """A length in the form that runs."""
        return long if self.long else short

    def count(self, short: int, long: int) -> int:
        """How often, likewise."""
        return long if self.long else short


FORM = Form(long=os.environ.get("TIDEGATE_FAULTS") == "long", seed=int(os.environ.get("TIDEGATE_FAULTS_SEED", _SEED)))

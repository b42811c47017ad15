"""Round trips and windows on the loop of uvloop."""

import p01_round_trip
import p03_windows
from measure import Missing, Target
from turns import HAS_UVLOOP

NUMBER = "P2"
METHOD = "as P1 and P3, both contestants on uvloop"
MUST, AIM = 0.40, 0.20
TARGETS = (
    *(
        Target(target.name, target.unit, MUST, AIM) if target.must else target
        for target in p01_round_trip.TARGETS
    ),
    *(Target(target.name, target.unit, is_higher_better=True) for target in p03_windows.TARGETS),
)


def run(effort):
    if not HAS_UVLOOP:
        return [Missing("uvloop is not installed")] * len(TARGETS)
    return [*p01_round_trip.run(effort, "uvloop"), *p03_windows.run(effort, "uvloop")]

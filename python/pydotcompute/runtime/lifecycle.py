"""States of a kernel, and the one table of legal moves."""

from typing import Final

from pydotcompute.exceptions import KernelStateError
from pydotcompute.options import KernelState

_CREATED = KernelState.CREATED
_LAUNCHED = KernelState.LAUNCHED
_ACTIVE = KernelState.ACTIVE
_DEACTIVATED = KernelState.DEACTIVATED
_TERMINATING = KernelState.TERMINATING
_TERMINATED = KernelState.TERMINATED
_FAILED = KernelState.FAILED

MOVES: Final = {
    _CREATED: (_LAUNCHED,),
    _LAUNCHED: (_ACTIVE, _TERMINATING),
    _ACTIVE: (_DEACTIVATED, _TERMINATING, _TERMINATED, _FAILED),
    _DEACTIVATED: (_ACTIVE, _TERMINATING, _TERMINATED, _FAILED),
    _TERMINATING: (_TERMINATED, _FAILED),
    _TERMINATED: (),
    _FAILED: (),
}
"""From each state, the states that may follow. A relaunch is a new incarnation, not a move."""

ENDED: Final = frozenset((_TERMINATED, _FAILED))
"""States of a kernel whose code will not run again."""

ENDING: Final = ENDED | {_TERMINATING}
"""States in which a kernel accepts no messages."""

OPEN: Final = (_LAUNCHED, _ACTIVE, _DEACTIVATED)
"""States in which a kernel accepts messages."""


def check_state(kernel_id: str, state: KernelState, *expected: KernelState) -> None:
    """Raise KernelStateError unless `state` is one of `expected`."""
    if state not in expected:
        raise KernelStateError(kernel_id, state, list(expected))


def check_move(kernel_id: str, state: KernelState, target: KernelState) -> None:
    """Raise KernelStateError unless the table lets `state` be followed by `target`."""
    if target not in MOVES[state]:
        origins = [origin for origin, targets in MOVES.items() if target in targets]
        raise KernelStateError(kernel_id, state, origins)

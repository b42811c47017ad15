"""Whose reply is it: callers that wait for the answer to their own message."""

from typing import Final
from uuid import UUID

from pydotcompute._core import EMPTY, ObjectMailbox
from pydotcompute.exceptions import KernelExecutionError
from pydotcompute.execution.waiting import Place, WaitQueue

LATER: Final = -1
"""No index: the caller has to wait for others to take theirs."""
NOT_HERE: Final = -2
"""No index: no reply that is here will be the caller's."""

_MESSAGE_MARK: Final = "__ring_message__"


def message_id_of(message: object) -> UUID | None:
    """Give the id that a reply to this message would name; None where it is of no message class."""
    if not hasattr(type(message), _MESSAGE_MARK):
        return None
    message_id: UUID | None = getattr(message, "message_id", None)
    return message_id


def names_a_message(reply: object) -> bool:
    """Whether a reply says which message it answers."""
    return _correlation_of(reply) is not None


def _correlation_of(reply: object) -> UUID | None:
    kind = type(reply)
    if kind is not KernelExecutionError and not hasattr(kind, _MESSAGE_MARK):
        return None
    correlation_id: UUID | None = getattr(reply, "correlation_id", None)
    return correlation_id


class Caller(Place):
    """The place in line of one who waits for a reply of its own."""

    __slots__ = ()


class Expectations:
    """The callers that wait for a reply of their own, by the id of the message they sent.

    Two callers that sent one message wait for either of its replies, the first come first.
    """

    __slots__ = ("callers",)

    def __init__(self) -> None:
        self.callers: dict[UUID, list[Caller]] = {}

    def add(self, message_id: UUID, caller: Caller) -> None:
        """Expect a reply to a message on behalf of `caller`."""
        self.callers.setdefault(message_id, []).append(caller)

    def remove(self, message_id: UUID, caller: Caller) -> None:
        """Expect it no more, if that was expected."""
        callers = self.callers.get(message_id, [])
        if caller in callers:
            callers.remove(caller)
        if not callers:
            self.callers.pop(message_id, None)

    def owner_of(self, reply: object) -> Caller | None:
        """Give the caller that waits for this reply; None where it is anybody's."""
        correlation_id = _correlation_of(reply)
        try:
            callers = None if correlation_id is None else self.callers.get(correlation_id)
        except TypeError:  # what cannot be a key is nobody's id
            return None
        return callers[0] if callers else None

    def find(self, replies: ObjectMailbox, line: WaitQueue, caller: Place | None) -> int:
        """Find the reply that is the caller's to take, or wake whose it is.

        Returns:
            Its index, 0 being the oldest, else LATER or NOT_HERE. A reply that a thread makes
            meanwhile was looked at by nobody, so it is not among them.
        """
        oldest = replies.peek_reply()
        if oldest is EMPTY:
            return NOT_HERE
        owner = self.owner_of(oldest)
        if owner is not None:
            return _mine_or_wake(owner, caller)
        is_first = caller is None or not line.has_before(caller)
        if not names_a_message(oldest):
            return 0 if is_first else LATER
        if type(caller) is not Caller:
            return 0
        line.wake_first(Place)  # its caller has gone: it is for a receiver
        index = self._find_past_stray(replies, caller, is_first=is_first)
        return NOT_HERE if index == LATER and is_first else index

    def _find_past_stray(self, replies: ObjectMailbox, caller: Caller, *, is_first: bool) -> int:
        for index, reply in enumerate(replies.peek_replies()):
            owner = self.owner_of(reply)
            if owner is not None:
                if _mine_or_wake(owner, caller) == 0:
                    return index
            elif is_first and not names_a_message(reply):
                return index
        return LATER


def _mine_or_wake(owner: Caller, caller: Place | None) -> int:
    if owner is caller:
        return 0
    owner.wake()
    return LATER

"""Handlers whose replies say which message they answer, and handlers whose replies do not."""

from kernels_for_tests import turns

from pydotcompute import message
from pydotcompute.exceptions import KernelExecutionError


@message
class Ask:
    number: int


@message
class Answer:
    number: int


def answer(ask):
    return ask.reply(Answer, number=ask.number)


async def answer_later(ask):
    await turns(2)
    return answer(ask)


def refuse(ask):
    raise ValueError(ask.number)


def number_of(ask):
    return ask.number


def same(number):
    return number


def as_number(reply):
    """Give the number that a caller asked about."""
    if isinstance(reply, KernelExecutionError):
        return int(str(reply.__cause__))
    return getattr(reply, "number", reply)


OWN = [(Ask, answer), (Ask, answer_later), (Ask, refuse)]
IN_ORDER = [(Ask, number_of), (int, same)]

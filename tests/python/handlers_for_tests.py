"""Handlers of numbers: quick and slow ones, that answer or raise."""

from kernels_for_tests import turns


def answer(number):
    return number


async def answer_later(number):
    await turns(2)
    return number


def refuse(number):
    raise ValueError(number)


async def refuse_later(number):
    await turns(2)
    raise ValueError(number)


HANDLERS = [answer, answer_later, refuse, refuse_later]

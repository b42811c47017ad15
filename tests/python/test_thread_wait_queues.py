"""Lines that other threads wake: first come, first served, and no wake-up is lost."""

import asyncio
import gc
import random
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic

import pytest
from kernels_for_tests import turns
from waiting_for_tests import at_once

from pydotcompute.execution.thread_waiting import ThreadWaitQueue
from pydotcompute.execution.waiting import WAIT, Expired, Place, SharedWaitQueue

pytestmark = pytest.mark.usefixtures("shaken")


class Store:
    """Things to take, and the line of those who wait for them."""

    def __init__(self, queue):
        self.queue = queue
        self.things = deque()

    def put(self, thing):
        self.things.append(thing)
        self.queue.wake_next()

    def take(self):
        try:
            thing = self.things.popleft()
        except IndexError:
            return WAIT
        return thing

    def wait(self, timeout=10):
        """Take the next thing, as a coroutine."""
        return self.queue.until(self.take, timeout)


class BrokenError(Exception):
    """What a check raises to end a wait."""


class Breaker:
    """A check that breaks the wait of some threads off."""

    def __init__(self):
        self.broken = set()

    def __call__(self):
        if threading.get_ident() in self.broken:
            raise BrokenError


@pytest.fixture
def pool():
    with ThreadPoolExecutor(40) as made:
        yield made


def blocking_store(check=lambda: None):
    return Store(ThreadWaitQueue(check))


def threads_in_line(pool, store, count):
    """Let so many threads stand in line, one after the other, and give their futures."""
    line = []
    for number in range(count):
        line.append(pool.submit(at_once, store.wait()))
        reach(lambda number=number: len(store.queue.line) > number)
    return line


def reach(condition):
    deadline = monotonic() + 5
    while not condition():
        assert monotonic() < deadline


# Threads that wait.


def test_threads_are_served_in_the_order_in_which_they_came(pool):
    store = blocking_store()
    line = threads_in_line(pool, store, 20)
    for number in range(20):
        store.put(number)
    assert [waiting.result(5) for waiting in line] == list(range(20))
    assert not store.queue.line


def test_a_thread_that_comes_later_does_not_take_what_is_there_for_the_first(pool):
    store = blocking_store()
    for _ in range(100):
        (first,) = threads_in_line(pool, store, 1)
        store.things.append("first")  # and nobody woken yet
        late = pool.submit(at_once, store.wait())
        reach(lambda: len(store.queue.line) == 2)
        store.queue.wake_next()
        assert first.result(5) == "first"
        store.put("second")
        assert late.result(5) == "second"


def test_a_thread_whose_time_is_up_wakes_the_next(pool):
    store = blocking_store()
    first = pool.submit(at_once, store.queue.until(lambda: WAIT, 0.05))
    reach(lambda: len(store.queue.line) == 1)
    second = pool.submit(at_once, store.wait())
    reach(lambda: len(store.queue.line) == 2)
    store.put(1)  # wakes the first alone, which does not take it
    with pytest.raises(Expired):
        first.result(5)
    assert second.result(5) == 1


def test_a_thread_whose_wait_is_broken_off_wakes_the_next(pool):
    breaker = Breaker()
    store = blocking_store(breaker)
    identified = threading.Event()

    def wait_as_first():
        breaker.first = threading.get_ident()
        identified.set()
        return at_once(store.wait())

    first = pool.submit(wait_as_first)
    assert identified.wait(5)
    reach(lambda: len(store.queue.line) == 1)
    second = pool.submit(at_once, store.wait())
    reach(lambda: len(store.queue.line) == 2)
    breaker.broken.add(breaker.first)
    store.put(1)  # wakes the first alone
    with pytest.raises(BrokenError):
        first.result(5)
    assert second.result(5) == 1


def test_polling_tries_nothing_and_joins_no_line():
    store = blocking_store()
    store.things.append(1)
    with pytest.raises(Expired):
        at_once(store.wait(0))
    assert list(store.things) == [1]


def test_a_wait_ends_on_time_where_nothing_comes():
    store = blocking_store()
    before = monotonic()
    with pytest.raises(Expired):
        at_once(store.wait(0.03))
    assert 0.03 <= monotonic() - before < 1
    assert not store.queue.line


@pytest.mark.parametrize("seed", range(5))
def test_threads_never_wait_for_what_is_there(pool, seed):
    store = blocking_store()
    dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    timeouts = [dice.choice([0, 1e-5, 1e-4, 1e-3, 10]) for _ in range(16 * 100)]

    def consume(timeouts):
        taken = []
        for timeout in timeouts:
            try:
                taken.append(at_once(store.wait(timeout)))
            except Expired:
                continue
            if taken[-1] is None:
                break
        return taken

    def produce(name):
        for number in range(300):
            store.put((name, number))

    consumers = [pool.submit(consume, timeouts[start::16]) for start in range(16)]
    producers = [pool.submit(produce, name) for name in range(4)]
    for producer in producers:
        producer.result(20)
    for _ in consumers:
        store.put(None)
    taken = [thing for consumer in consumers for thing in consumer.result(20)]
    left = list(store.things)
    assert not store.queue.line
    things = [thing for thing in taken + left if thing is not None]
    assert sorted(things) == [(name, number) for name in range(4) for number in range(300)]


# Tasks that wait, and are woken by threads.


async def test_tasks_woken_by_a_thread_are_served_in_the_order_in_which_they_came(pool):
    store = Store(SharedWaitQueue(asyncio.get_running_loop()))
    line = [asyncio.create_task(store.wait()) for _ in range(20)]
    await turns(2)
    for number in range(20):
        pool.submit(store.put, number)
    async with asyncio.timeout(5):
        taken = await asyncio.gather(*line)
    assert sorted(taken) == list(range(20))
    assert not store.queue.line


async def test_a_task_cancelled_as_a_thread_wakes_it_wakes_the_next(pool):
    store = Store(SharedWaitQueue(asyncio.get_running_loop()))
    for number in range(200):
        first, second = (asyncio.create_task(store.wait()) for _ in range(2))
        await turns(1)
        putting = pool.submit(store.put, number)
        if number % 2:
            putting.result(5)
        first.cancel()
        async with asyncio.timeout(5):
            assert await second == number
        assert first.cancelled()


async def test_a_task_woken_in_vain_is_woken_again(pool):
    store = Store(SharedWaitQueue(asyncio.get_running_loop()))
    waiting = asyncio.create_task(store.wait(None))
    await turns(2)
    for _ in range(3):
        await asyncio.wrap_future(pool.submit(store.queue.wake_next))
        await turns(2)
        assert not waiting.done()
    pool.submit(store.put, 1)
    async with asyncio.timeout(5):
        assert await waiting == 1


async def test_many_wake_ups_of_one_task_cost_its_loop_one_callback(pool, monkeypatch):
    loop, posted = asyncio.get_running_loop(), []
    queue = SharedWaitQueue(loop)
    waiting = asyncio.create_task(queue.until(lambda: WAIT, None))
    await turns(2)
    monkeypatch.setattr(loop, "call_soon_threadsafe", lambda *call: posted.append(call))
    pool.submit(lambda: [queue.wake_next() for _ in range(100)]).result(5)
    assert len(posted) == 1
    waiting.cancel()


@pytest.mark.parametrize("seed", range(5))
async def test_tasks_never_wait_for_what_a_thread_put_there(pool, seed):
    store = Store(SharedWaitQueue(asyncio.get_running_loop()))
    dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    waits = [[dice.choice([0, 1e-4, 1e-3, 10]) for _ in range(100)] for _ in range(16)]

    async def consume(timeouts):
        taken = []
        for timeout in timeouts:
            try:
                taken.append(await store.wait(timeout))
            except Expired:
                continue
            if taken[-1] is None:
                break
        return taken

    def produce(name):
        for number in range(300):
            store.put((name, number))

    consumers = [asyncio.create_task(consume(timeouts)) for timeouts in waits]
    producers = [asyncio.to_thread(produce, name) for name in range(4)]
    async with asyncio.timeout(20):
        await asyncio.gather(*producers)
        for _ in consumers:
            store.put(None)
        taken = [thing for took in await asyncio.gather(*consumers) for thing in took]
    things = [thing for thing in [*taken, *store.things] if thing is not None]
    assert not store.queue.line
    assert sorted(things) == [(name, number) for name in range(4) for number in range(300)]


async def test_a_wake_up_for_a_closed_loop_goes_nowhere():
    gone = asyncio.new_event_loop()
    queue = SharedWaitQueue(gone)
    queue.line.append(Place())
    gone.close()
    queue.wake_next()
    queue.wake_all()
    assert len(queue.line) == 1


async def test_whoever_a_closed_loop_left_behind_holds_up_nobody():
    gone = asyncio.new_event_loop()
    store = Store(SharedWaitQueue(gone))
    left = gone.create_task(store.wait())
    await asyncio.to_thread(gone.run_until_complete, turns(2))
    gone.close()
    store.queue.settle(asyncio.get_running_loop())
    waiting = asyncio.create_task(store.wait())
    await turns(2)
    await asyncio.to_thread(store.put, 1)
    async with asyncio.timeout(5):
        assert await waiting == 1
    left._log_destroy_pending = False
    left.get_coro().close()


# Waking everybody.


@contextmanager
def changed_by_a_collection(line):
    """Let somebody join the line in every garbage collection, of which there are many."""

    def join(phase, _facts):
        if phase == "start":
            line.append(Woken())

    usual = gc.get_threshold()
    gc.callbacks.append(join)
    gc.set_threshold(1, 1, 1)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.callbacks.remove(join)


class Woken(Place):
    """Counts who was woken."""

    __slots__ = ("count",)

    def __init__(self):
        super().__init__()
        self.count = 0

    def wake(self):
        super().wake()
        self.count += 1

    unpark = wake


@pytest.mark.parametrize("make", [ThreadWaitQueue, SharedWaitQueue])
async def test_all_are_woken_where_others_join_the_line_meanwhile(make):
    shared = make is SharedWaitQueue
    queue = make(asyncio.get_running_loop()) if shared else make(lambda: None)
    for objects in range(20):  # a collection comes after as many new ones as it pleases
        first = [Woken() for _ in range(50)]
        queue.line.extend(first)
        with changed_by_a_collection(queue.line):
            kept = [[] for _ in range(objects)]
            queue.wake_all()
        await turns(2)
        assert len(kept) == objects
        assert len(queue.line) > 50
        assert {place.count for place in first} == {1}
        queue.line.clear()

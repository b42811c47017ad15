"""A program ends, or forks, with kernels in threads that nobody closed."""

import subprocess
import sys
from textwrap import dedent
from time import monotonic

import pytest
from faults_for_tests import environment

PROGRAM = """
import asyncio, os, sys, time
from loops_for_tests import follow_tests
from pydotcompute import RingKernelRuntime
from pydotcompute.exceptions import KernelFailedError


def blocked(ctx):
    while True:
        ctx.send(ctx.receive())


def sending(ctx):
    while True:
        ctx.send(1)


def stubborn(ctx):
    while True:
        try:
            ctx.receive()
        except BaseException:
            continue


def polling(ctx):
    while True:
        try:
            ctx.receive(timeout=0.0001)
        except BaseException:
            continue


def busy(ctx):
    while True:
        pass


def handler(message):
    return message


async def blocked_in_a_loop(ctx):
    while True:
        await ctx.send(await ctx.receive())


async def stubborn_in_a_loop(ctx):
    while True:
        try:
            await ctx.receive()
        except BaseException:
            continue


async def busy_in_a_loop(ctx):
    while True:
        pass


async def start(kernel, kernel_id="k"):
    form = "handler" if kernel is handler else "loop"
    await runtime.launch(kernel_id, kernel, execution="thread", form=form, queue_size=2)
    await runtime.activate(kernel_id)
    await runtime.send(kernel_id, 1)
    await asyncio.sleep(0.01)


follow_tests()
runtime = RingKernelRuntime(enable_telemetry=True)
"""

OBEDIENT = ["blocked", "sending", "handler", "blocked_in_a_loop"]
DEAF = ["stubborn", "polling", "busy", "stubborn_in_a_loop", "busy_in_a_loop"]


def run(program):
    """Run a program to its end; how long that took, and what it printed as errors."""
    before = monotonic()
    ended = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-W",
            "ignore::ResourceWarning",
            "-c",
            PROGRAM + dedent(program),
        ],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return monotonic() - before, ended.stderr


@pytest.mark.parametrize("kernels", [OBEDIENT, DEAF[:2], DEAF[2:3], DEAF[3:]], ids=" ".join)
def test_a_program_that_closes_nothing_ends_all_the_same(kernels):
    seconds, errors = run(
        f"""
        async def main():
            for kernel in ({", ".join(kernels)},):
                await start(kernel, kernel.__name__)

        asyncio.run(main())
        """
    )
    assert seconds < 3
    assert "Traceback" not in errors
    for kernel in OBEDIENT:
        line = f"kernel '{kernel}' was cancelled, not by its runtime\n"
        assert (line in errors) == (kernel in kernels)


@pytest.mark.parametrize("kernel", ["blocked", "blocked_in_a_loop"])
def test_a_loop_that_was_left_open_hears_nothing_of_the_end(kernel):
    seconds, errors = run(
        f"""
        loop = asyncio.new_event_loop()
        loop.run_until_complete(start({kernel}))
        """
    )
    assert seconds < 3
    assert errors == ""


def test_a_kernel_that_makes_an_exception_of_its_cancellation_is_not_started_again():
    _, errors = run(
        """
        import logging
        logging.getLogger("pydotcompute").setLevel(logging.ERROR)

        def turning(ctx):
            ctx.receive()
            try:
                ctx.receive()
            except BaseException as error:
                os.write(1, b"once")
                raise ValueError("the end") from error

        async def main():
            await runtime.launch("k", turning, execution="thread", form="loop", on_error="restart")
            await runtime.activate("k")
            await runtime.send("k", 1)
            while not runtime.get_telemetry("k").messages_unanswered:
                await asyncio.sleep(0)

        asyncio.run(main())
        """
    )
    assert errors.count("kernel 'k' failed\n") == 1
    assert "starts again" not in errors


def test_a_kernel_whose_thread_could_not_be_started_does_not_disturb_the_end():
    _, errors = run(
        """
        import logging, threading
        logging.disable()

        async def main():
            await start(blocked)
            begin, threading.Thread.start = threading.Thread.start, refuse
            try:
                await start(blocked, "other")
            except KernelFailedError:
                threading.Thread.start = begin

        def refuse(thread):
            raise RuntimeError

        asyncio.run(main())
        """
    )
    assert errors == ""


@pytest.mark.parametrize(
    ("kernel", "ending"),
    [
        ("blocked", "sys.exit(0)"),
        ("blocked", "os._exit(0)"),
        ("blocked_in_a_loop", "sys.exit(0)"),
        ("busy", "sys.exit(0)"),
    ],
)
def test_a_forked_child_ends_at_once_and_the_parent_goes_on(kernel, ending):
    _, errors = run(
        f"""
        loop = asyncio.new_event_loop()
        loop.run_until_complete(start({kernel}))
        before = time.monotonic()
        child = os.fork()
        if child == 0:
            {ending}
        _, status = os.waitpid(child, 0)
        assert status == 0, status
        assert time.monotonic() - before < 2
        if {kernel} is not busy:
            loop.run_until_complete(runtime.send("k", 2))
            assert loop.run_until_complete(runtime.receive("k", timeout=5)) == 1
        """
    )
    assert errors == ""


def test_a_forked_childs_own_kernels_are_cancelled_at_its_end():
    _, errors = run(
        """
        def tidy(ctx):
            try:
                ctx.receive()
                ctx.receive()
            finally:
                os.write(1, b"tidied")

        loop = asyncio.new_event_loop()
        loop.run_until_complete(start(tidy))
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(writer, 1)
            runtime = RingKernelRuntime()
            asyncio.set_event_loop(None)
            other = asyncio.new_event_loop()
            other.run_until_complete(start(tidy))
            sys.exit(0)
        _, status = os.waitpid(child, 0)
        assert status == 0
        os.close(writer)
        assert os.read(reader, 100) == b"tidied"
        """
    )
    assert errors == ""

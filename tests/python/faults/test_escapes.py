"""Whatever escapes a kernel of whatever form, everybody is told once and every count is exact."""

import asyncio
import logging
import signal
import subprocess
from itertools import product

import pytest
from faults_for_tests import command_of, environment, forms, modes, report_of, run_program
from kernels_for_tests import echo, start, turns
from programs_for_tests import FORMS, Callers

from pydotcompute import KernelState, RingKernelRuntime
from pydotcompute.exceptions import KernelExecutionError, KernelFailedError
from pydotcompute.testing import wait_until_idle

PROGRAM_ENDING = (KeyboardInterrupt, SystemExit)


class OfItsOwn(BaseException):
    """No Exception."""


def records_of(caplog, name, level):
    return [r for r in caplog.records if r.name == name and r.levelno >= level]


def errors_in(caplog):
    return records_of(caplog, "pydotcompute", logging.ERROR)


async def activate_and_wait(runtime):
    await runtime.activate("k")
    await asyncio.Event().wait()


async def activate_and_rest(runtime):
    await runtime.activate("k")
    await wait_until_idle(runtime, "k")


async def begin(form, error, options):
    """Queue four messages, the second of which is the error, with three callers that wait."""
    runtime = RingKernelRuntime(enable_telemetry=True)
    callers = Callers(runtime)
    await start(runtime, "other", echo, **options)
    kernel, of_its_form = FORMS[form]
    await runtime.launch("k", kernel, **of_its_form, **options)
    await callers.send(["a", error, "b", "c"])
    waiting = [asyncio.create_task(callers.receive()) for _ in range(3)]
    await turns(2)
    return runtime, callers, waiting


async def go_on(runtime, callers, error):
    """Check what later callers meet, and that the other kernel goes on."""
    calls = [lambda: runtime.send("k", 1), lambda: runtime.receive("k", timeout=0)]
    for call in calls:
        with pytest.raises(KernelFailedError) as caught:
            await call()
        assert caught.value.__cause__ is error
    await callers.send(["still there"], "other")
    assert await callers.receive("other", timeout=5.0) == "still there"
    await wait_until_idle(runtime)
    callers.check()


def run_kernels(runner, runtime, kind):
    """Run until the kernel has ended, and see what ends the program leave the loop."""
    if issubclass(kind, PROGRAM_ENDING):
        with pytest.raises(kind):
            runner.run(activate_and_wait(runtime))
    else:
        runner.run(activate_and_rest(runtime))


ENDINGS = [(ValueError, "loop"), *product([OfItsOwn, *PROGRAM_ENDING], FORMS)]


@modes
@pytest.mark.parametrize(("kind", "form"), ENDINGS)
def test_what_ends_a_kernel_is_told_to_all_and_counted_once(kind, form, mode, caplog):
    error = kind("the reason")
    with asyncio.Runner() as runner:
        runtime, callers, waiting = runner.run(begin(form, error, mode))
        run_kernels(runner, runtime, kind)
        told = runner.run(gather(waiting))
        assert told[0] == "a"
        assert [type(refusal) for refusal in told[1:]] == [KernelFailedError] * 2
        assert all(refusal.__cause__ is error for refusal in told[1:])
        runner.run(go_on(runtime, callers, error))
        t = runtime.get_telemetry("k")
        runner.run(runtime.shutdown())
    assert (t.state, t.errors, t.last_error) == (
        KernelState.FAILED,
        1,
        f"{kind.__qualname__}: the reason",
    )
    assert (t.messages_processed, t.messages_errored, t.messages_discarded) == (1, 1, 2)
    (record,) = errors_in(caplog)
    assert record.exc_info[1] is error
    assert records_of(caplog, "asyncio", logging.WARNING) == []


async def gather(waiting):
    return await asyncio.gather(*waiting, return_exceptions=True)


@modes
@pytest.mark.parametrize("form", [form for form in FORMS if form != "loop"])
async def test_an_exception_of_a_handler_costs_its_message_and_says_nothing_above_debug(
    form, mode, caplog
):
    caplog.set_level(logging.INFO)
    error = ValueError("the reason")
    runtime, callers, waiting = await begin(form, error, mode)
    await runtime.activate("k")
    replies = [*await asyncio.gather(*waiting), await callers.receive(timeout=5.0)]
    assert [type(reply) for reply in replies] == [str, KernelExecutionError, str, str]
    assert replies[1].__cause__ is error
    await wait_until_idle(runtime)
    callers.check()
    t = runtime.get_telemetry("k")
    await runtime.shutdown()
    assert (t.state, t.errors, t.messages_errored) == (KernelState.ACTIVE, 1, 1)
    assert (t.messages_processed, t.error_replies) == (3, 1)
    assert caplog.records == []


@modes
@forms
@pytest.mark.parametrize(("kind", "code"), [(SystemExit, 3), (KeyboardInterrupt, -signal.SIGINT)])
def test_what_ends_the_program_ends_it_once_every_count_is_made(form, kind, code, mode):
    ran = run_program("escape", form, kind.__name__, *mode.values())
    assert ran.returncode == code
    k = report_of(ran)
    assert (k["state"], k["errors"], k["messages_errored"]) == ("failed", 1, 1)
    assert (k["messages_received"], k["messages_processed"], k["messages_discarded"]) == (4, 1, 2)
    assert k["last_error"] == f"{kind.__name__}: 3"
    assert ran.stderr.count("kernel 'k' failed\nTraceback") == 1
    assert "never retrieved" not in ran.stderr


@forms
def test_ctrl_c_ends_busy_kernels_of_each_form_and_the_program(form):
    with subprocess.Popen(
        command_of("interrupted", form), env=environment(), stdout=subprocess.PIPE, text=True
    ) as program:
        try:
            assert program.stdout.readline() == "busy\n"
            program.send_signal(signal.SIGINT)
            report, _ = program.communicate(timeout=20)
        finally:
            program.kill()  # if it did not heed the signal, it never ends
    assert program.returncode == -signal.SIGINT
    assert report == "balanced\n"

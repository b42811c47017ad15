"""C functions that native kernels of tests run, and the messages they take.

Nothing here needs pytest, for programs that tests start use it too.
"""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from kernels_for_tests import turns

from pydotcompute import message, native_kernel

SOURCE = r"""
#include <sched.h>
#include <stdint.h>
#include <string.h>

struct pair { int32_t number; double weight; };

volatile int32_t entered, gate;

/* The reply is twice the number; below 0 it is an error code, 1000 gets no reply. */
int32_t twice(const void *input, void *output) {
    const struct pair *message = input;
    struct pair *reply = output;
    if (message->number < 0) return message->number;
    if (message->number == 1000) return 1;
    reply->number = 2 * message->number;
    reply->weight = message->weight + 0.5;
    return 0;
}

/* Stays until the gate is opened. */
int32_t held(const void *input, void *output) {
    entered += 1;
    while (!gate) sched_yield();
    return twice(input, output);
}

/* The reply is the message, of 48 bytes or of 8. */
int32_t same48(const void *input, void *output) { memcpy(output, input, 48); return 0; }
int32_t same8(const void *input, void *output) { memcpy(output, input, 8); return 0; }

/* Writes nothing. */
int32_t silent(const void *input, void *output) { return 0; }
"""


@message
class Pair:
    number: np.int32
    weight: float = 0.0


class Library:
    """The functions above, with a gate of their own."""

    def __init__(self, folder):
        path = Path(folder) / "handlers.so"
        source = path.with_suffix(".c")
        source.write_text(SOURCE)
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", path, source], check=True)
        self.functions = ctypes.CDLL(str(path))
        self._entered = ctypes.c_int32.in_dll(self.functions, "entered")
        self._gate = ctypes.c_int32.in_dll(self.functions, "gate")

    def kernel(self, name="twice", input_type=Pair, output_type=Pair):
        function = getattr(self.functions, name)
        return native_kernel(function, input_type=input_type, output_type=output_type)

    def open_gate(self):
        self._gate.value = 1

    async def until_entered(self, times=1):
        """Let the loop turn until `held` was called so often."""
        while self._entered.value < times:
            await turns(1)


def library():
    """Compile a library; its files are gone once it is loaded."""
    with tempfile.TemporaryDirectory() as folder:
        return Library(folder)


async def start(runtime, kernel, kernel_id="k", **options):
    await runtime.launch(kernel_id, kernel, **options)
    await runtime.activate(kernel_id)


def counts(runtime, kernel_id="k"):
    """Read the telemetry: received, processed, unanswered, errored, discarded, sent."""
    shown = runtime.get_telemetry(kernel_id)
    return (
        shown.messages_received,
        shown.messages_processed,
        shown.messages_unanswered,
        shown.messages_errored,
        shown.messages_discarded,
        shown.messages_sent,
    )

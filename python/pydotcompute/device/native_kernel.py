"""Kernel functions that are no Python: C functions by their address."""

from dataclasses import dataclass
from typing import Any

from pydotcompute.device.record_form import RecordForm
from pydotcompute.exceptions import InvalidArgumentError, InvalidTypeError

_MAX_ADDRESS = 2**64


@dataclass(frozen=True, slots=True)
class NativeKernel:
    """A C function that a runtime can launch; made by `native_kernel()`."""

    address: int
    input_form: RecordForm
    output_form: RecordForm
    code: object
    """What keeps the function in memory."""

    @property
    def input_type(self) -> Any:
        """The class or dtype of its messages."""
        return self.input_form.declared

    @property
    def output_type(self) -> Any:
        """The class or dtype of its replies."""
        return self.output_form.declared


def native_kernel(address: Any, *, input_type: Any, output_type: Any) -> NativeKernel:
    """Make a kernel of a C function that is called once a message, without the interpreter lock.

    The function is `int32_t handler(const void *input, void *output)`. `input` is a message,
    `output` room for a reply, zeroed; both are records of the types' layout (see `dtype_of()`) and
    the function's only until it returns. It returns 0: `output` is the reply; 1: there is no reply;
    any other code: that is the error of this message, a `KernelExecutionError` with `error_code` in
    the reply's place. It runs in a thread of the kernel's own, must not call into Python, and must
    keep to its records: nothing checks that.

    Args:
        address: A function of a `ctypes` library, what `numba.cfunc` gives, or the address as an
            int, for instance `int(ffi.cast("uintptr_t", function))` with cffi. Who passes an int
            keeps the function in memory until the kernel has ended.
        input_type: A class under `@message` with a fixed layout, or a structured dtype.
        output_type: The same for replies.

    Returns:
        What `launch()` takes; it may be launched any number of times, from any thread.

    Raises:
        InvalidTypeError: There is no address in that, it calls into Python, or a type is no record.
        InvalidArgumentError: The address is 0, negative, or above 64 bits.
        MessageValidationError: A message class has a field without a fixed layout.
    """
    return NativeKernel(
        _address_of(address),
        RecordForm(input_type, "input_type"),
        RecordForm(output_type, "output_type"),
        code=address,
    )


def _address_of(code: Any) -> int:
    from ctypes import _CFuncPtr, c_void_p, cast  # type: ignore[attr-defined] # noqa: PLC0415

    if isinstance(code, _CFuncPtr):
        kept = (code._objects or {}).values()  # noqa: SLF001 - nothing else tells the two apart
        if any(type(one).__name__ == "CThunkObject" for one in kept):
            text = (
                "a native kernel must not call into Python, and this function does: pass a "
                "function of a library, or launch the Python function itself"
            )
            raise InvalidTypeError(text, argument="address", value_type=type(code).__qualname__)
        return _checked(cast(code, c_void_p).value or 0)
    address = code if isinstance(code, int) else getattr(code, "address", None)
    if isinstance(address, bool) or not isinstance(address, int):
        text = (
            "a native kernel is a function of a ctypes library, a numba.cfunc or an address as an "
            f"int, got {code!r:.80}"
        )
        raise InvalidTypeError(text, argument="address", value_type=type(code).__qualname__)
    return _checked(address)


def _checked(address: int) -> int:
    if not 0 < address < _MAX_ADDRESS:
        text = f"address must be that of a function, got {address}"
        raise InvalidArgumentError(text, argument="address", value=address)
    return address

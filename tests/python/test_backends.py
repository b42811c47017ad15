"""What a runtime's kernels run on: the host, by whatever name."""

import pytest

from pydotcompute import RingKernelRuntime
from pydotcompute.exceptions import (
    BackendNotAvailableError,
    InvalidArgumentError,
    InvalidTypeError,
)


def test_without_a_word_it_is_the_host():
    assert RingKernelRuntime().backend == "host"


@pytest.mark.parametrize("name", ["auto", "host", "cpu", "AUTO", "Host", "CPU"])
def test_the_host_has_several_names(name):
    assert RingKernelRuntime(backend=name).backend == "host"


@pytest.mark.parametrize("name", ["cuda", "CUDA"])
def test_a_device_is_not_part_of_this_version(name):
    with pytest.raises(BackendNotAvailableError, match="the host alone") as caught:
        RingKernelRuntime(backend=name)
    assert caught.value.backend == "cuda"


@pytest.mark.parametrize("name", ["", "gpu", " host", "host ", "cuda:0"])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(InvalidArgumentError, match="'auto', 'host' or 'cpu'") as caught:
        RingKernelRuntime(backend=name)
    assert (caught.value.argument, caught.value.value) == ("backend", name)


@pytest.mark.parametrize("name", [None, 0, b"host", ["host"], True])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(InvalidTypeError, match="backend must be") as caught:
        RingKernelRuntime(backend=name)
    assert caught.value.argument == "backend"


def test_a_backend_is_not_changed_afterwards():
    runtime = RingKernelRuntime()
    with pytest.raises(AttributeError):
        runtime.backend = "cuda"

"""Options are checked where they are built, and each refusal names the value and the limit."""

import dataclasses
import json
import math
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any, Protocol, Union

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydotcompute.checks import (
    check_flag,
    check_kernel_id,
    check_message_type,
    check_queue_size,
    check_timeout,
)
from pydotcompute.exceptions import InvalidArgumentError, InvalidTypeError
from pydotcompute.options import (
    BackpressureStrategy,
    KernelOptions,
    KernelState,
    check_backpressure,
)

MESSAGE_TYPES = (int, str | bytes, (int, (str, bytes)))

OPTIONS = st.builds(
    KernelOptions,
    queue_size=st.none() | st.integers(1, 2**24),
    output_queue_size=st.none() | st.integers(1, 2**24),
    backpressure=st.none() | st.sampled_from(BackpressureStrategy),
    input_type=st.none() | st.sampled_from(MESSAGE_TYPES),
    output_type=st.none() | st.sampled_from(MESSAGE_TYPES),
    replies=st.none() | st.booleans(),
)


class Colour(str, Enum):  # noqa: UP042 - its own str() is the point
    RED = "red"


class Shapeless(Protocol):
    """A protocol that isinstance() refuses."""


def refusal(check, value, kind, **options):
    with pytest.raises(kind) as caught:
        check(value, **options)
    return caught.value


# Enums.


@pytest.mark.parametrize("member", [*KernelState, *BackpressureStrategy])
def test_a_member_is_equal_to_its_value_and_goes_through_json(member):
    assert member == member.value
    assert json.loads(json.dumps({"it": member})) == {"it": member.value}


def test_states_have_their_name_in_lower_case_as_value():
    names = "CREATED LAUNCHED ACTIVE DEACTIVATED TERMINATING TERMINATED FAILED"
    assert [state.name for state in KernelState] == names.split()
    assert all(state.value == state.name.lower() for state in KernelState)


def test_strategies_have_the_documented_values():
    values = {strategy.name: strategy.value for strategy in BackpressureStrategy}
    assert values == {"BLOCK": "block", "REJECT": "reject", "DROP_OLDEST": "drop"}


# Queue sizes.


@given(st.integers(1, 2**24))
def test_a_queue_size_in_range_is_taken(size):
    assert check_queue_size(size) == size


@pytest.mark.parametrize("value", [np.int64(7), np.uint8(7), np.array(7)])
def test_what_counts_as_an_integer_becomes_a_plain_int(value):
    assert type(check_queue_size(value)) is int
    assert check_queue_size(value) == 7


@pytest.mark.parametrize("value", [0, -1, 2**24 + 1, np.int64(0)])
def test_a_queue_size_out_of_range_is_refused(value):
    error = refusal(check_queue_size, value, InvalidArgumentError, name="size")
    assert f"got {value}" in str(error)
    assert "size must be an integer from 1 to 16777216" in str(error)
    assert (error.argument, error.value) == ("size", value)


@pytest.mark.parametrize("value", [True, 1.0, "5", None, [1], np.array([1, 2]), Decimal(1)])
def test_a_queue_size_that_is_no_integer_is_refused(value):
    error = refusal(check_queue_size, value, InvalidTypeError)
    assert f"got {value!r}, which is of type {type(value).__name__}" in str(error)
    assert "an integer from 1 to 16777216" in str(error)
    assert (error.argument, error.value_type) == ("queue_size", type(value).__name__)


# Timeouts.


@given(st.floats(min_value=0.0) | st.integers(0, 2**100))
def test_seconds_of_0_or_more_are_taken_infinity_too(value):
    seconds = check_timeout(value)
    assert seconds == float(value)
    assert type(seconds) is float


@pytest.mark.parametrize(
    "value", [np.float32(0.5), np.float64(0.5), Fraction(1, 2), Decimal("0.5"), np.array(0.5)]
)
def test_what_counts_as_a_number_becomes_a_plain_float(value):
    assert type(check_timeout(value)) is float
    assert check_timeout(value) == 0.5


def test_no_timeout_is_taken_unless_one_is_required():
    assert check_timeout(None) is None
    assert "None for no limit" in str(refusal(check_timeout, -1, InvalidArgumentError))
    error = refusal(check_timeout, None, InvalidTypeError, required=True)
    assert "got None" in str(error)
    assert "no limit" not in str(error)


@pytest.mark.parametrize(
    "value", [-1, -0.001, math.nan, -math.inf, 10**400, Decimal("sNaN"), Decimal(-1)]
)
def test_negative_nan_and_too_large_timeouts_are_refused(value):
    error = refusal(check_timeout, value, InvalidArgumentError)
    assert repr(value)[:50] in str(error)
    assert "timeout must be seconds, 0 or more" in str(error)
    assert error.argument == "timeout"


@pytest.mark.parametrize("value", [True, "1", b"1", [1.0], 1j, object(), np.array([1.0, 2.0])])
def test_a_timeout_that_is_no_number_is_refused(value):
    error = refusal(check_timeout, value, InvalidTypeError, name="linger")
    assert repr(value) in str(error)
    assert "linger must be seconds, 0 or more" in str(error)
    assert (error.argument, error.value_type) == ("linger", type(value).__name__)


# Kernel ids.


@given(st.text(min_size=1).filter(lambda text: len(text.encode()) <= 192))
def test_an_id_of_1_to_192_bytes_is_taken(kernel_id):
    assert check_kernel_id(kernel_id) == kernel_id


@pytest.mark.parametrize("value", [KernelState.ACTIVE, Colour.RED])
def test_an_id_becomes_a_plain_str(value):
    assert type(check_kernel_id(value)) is str
    assert check_kernel_id(value) == value.value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("", "got '' of 0 bytes"),
        ("x" * 193, "xxx… of 193 bytes"),
        ("ä" * 97, "äää… of 194 bytes"),
        ("\ud800", r"got '\ud800'"),
    ],
)
def test_an_id_that_is_empty_too_long_or_not_encodable_is_refused(value, shown):
    error = refusal(check_kernel_id, value, InvalidArgumentError)
    assert shown in str(error)
    assert "kernel_id must be a str of 1 to 192 bytes of UTF-8" in str(error)
    assert (error.argument, error.value) == ("kernel_id", value)


@pytest.mark.parametrize("value", [None, 5, b"worker", ["worker"]])
def test_an_id_that_is_no_str_is_refused(value):
    error = refusal(check_kernel_id, value, InvalidTypeError)
    assert f"got {value!r}" in str(error)
    assert "1 to 192 bytes" in str(error)


# Message types.


@pytest.mark.parametrize("value", [None, *MESSAGE_TYPES, Union[int, str]])  # noqa: UP007 - the older spelling counts too
def test_what_isinstance_takes_is_a_message_type(value):
    assert check_message_type(value) is value


@pytest.mark.parametrize(
    "value", ["Request", 5, Any, list[int], Shapeless, (), (int, None), (object, "Request"), [int]]
)
def test_what_isinstance_does_not_take_is_no_message_type(value):
    error = refusal(check_message_type, value, InvalidTypeError, name="input_type")
    assert repr(value) in str(error)
    assert "input_type must be a class, a union or a tuple of classes" in str(error)


# Backpressure and flags.


@pytest.mark.parametrize("strategy", BackpressureStrategy)
def test_a_strategy_is_found_by_itself_its_value_and_its_name(strategy):
    spellings = [strategy, strategy.value, strategy.name, strategy.name.lower()]
    assert {check_backpressure(spelling) for spelling in spellings} == {strategy}


def test_an_unknown_strategy_is_refused_with_the_choices():
    error = refusal(check_backpressure, "wait", InvalidArgumentError)
    assert "got 'wait'" in str(error)
    assert "'block' or 'reject' or 'drop'" in str(error)


@pytest.mark.parametrize("value", [None, 1, b"block"])
def test_a_strategy_of_another_type_is_refused_with_the_choices(value):
    error = refusal(check_backpressure, value, InvalidTypeError)
    assert f"got {value!r}" in str(error)
    assert "'block' or 'reject' or 'drop'" in str(error)


@pytest.mark.parametrize("value", [None, 1, 0, "yes"])
def test_a_flag_is_a_bool_and_nothing_else(value):
    error = refusal(check_flag, value, InvalidTypeError, name="replies")
    assert "replies must be True or False" in str(error)
    assert f"got {value!r}" in str(error)


def test_a_long_value_is_shortened_in_the_text():
    assert len(str(refusal(check_queue_size, "x" * 10_000, InvalidTypeError))) < 300


# Options together.


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("queue_size", 0, InvalidArgumentError),
        ("queue_size", "5", InvalidTypeError),
        ("output_queue_size", 2**24 + 1, InvalidArgumentError),
        ("backpressure", "wait", InvalidArgumentError),
        ("backpressure", 5, InvalidTypeError),
        ("input_type", "Request", InvalidTypeError),
        ("output_type", 5, InvalidTypeError),
        ("replies", "no", InvalidTypeError),
    ],
)
def test_a_wrong_option_is_refused_by_its_name_when_options_are_built(name, value, kind):
    with pytest.raises(kind, match=f"^{name} must be .*got {value!r}") as caught:
        KernelOptions(**{name: value})
    assert caught.value.argument == name


def test_options_are_what_their_checks_return():
    options = KernelOptions(queue_size=np.int64(5), backpressure="drop_oldest")
    assert type(options.queue_size) is int
    assert options.backpressure is BackpressureStrategy.DROP_OLDEST


def test_options_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        KernelOptions().queue_size = 5


@given(OPTIONS, OPTIONS)
def test_options_over_others_are_those_given_then_the_others(upper, lower):
    merged = upper.over(lower)
    for option in dataclasses.fields(KernelOptions):
        given_above = getattr(upper, option.name)
        expected = getattr(lower, option.name) if given_above is None else given_above
        assert getattr(merged, option.name) is expected


@given(OPTIONS, OPTIONS, OPTIONS)
def test_it_does_not_matter_which_options_are_put_together_first(high, middle, low):
    assert high.over(middle).over(low) == high.over(middle.over(low))


@given(OPTIONS)
def test_options_that_give_nothing_change_nothing(options):
    assert KernelOptions().over(options) == options.over(KernelOptions()) == options

"""`pydotcompute.ring_kernels` hands on the very same objects under their documented places."""

import importlib
import inspect

import pytest

import pydotcompute

PLACES = {
    "queue": {"BackpressureStrategy", "MessageQueue"},
    "message": {"RingKernelMessage", "message"},
    "lifecycle": {"KernelContext", "KernelState", "managed_kernel"},
    "telemetry": {"KernelTelemetry", "TelemetryCollector"},
    "runtime": {"RingKernelRuntime"},
}
ALL = {(f"ring_kernels.{place}", name) for place, names in PLACES.items() for name in names}
ALL |= {("ring_kernels", name) for names in PLACES.values() for name in names}


def module_at(place):
    return importlib.import_module(f"pydotcompute.{place}")


@pytest.mark.parametrize(("place", "name"), sorted(ALL))
def test_a_name_is_the_same_object_in_its_documented_place(place, name):
    found = getattr(module_at(place), name)
    if name != "managed_kernel":  # which has no place at the top
        assert found is getattr(pydotcompute, name)
    assert found is getattr(importlib.import_module(found.__module__), name)
    assert not found.__module__.startswith("pydotcompute.ring_kernels")


@pytest.mark.parametrize("place", PLACES)
def test_a_place_has_these_names_and_no_more(place):
    module = module_at(f"ring_kernels.{place}")
    assert set(module.__all__) == PLACES[place]
    assert {name for name in vars(module) if not name.startswith("__")} == PLACES[place]


def test_the_package_has_the_names_of_all_its_places_and_no_more():
    package = module_at("ring_kernels")
    names = set().union(*PLACES.values())
    assert set(package.__all__) == names
    public = {name for name, item in vars(package).items() if not name.startswith("__")}
    assert {name for name in public if not inspect.ismodule(getattr(package, name))} == names


def test_importing_the_place_of_messages_leaves_the_decorator_where_it_is():
    importlib.import_module("pydotcompute.ring_kernels.message")
    assert module_at("ring_kernels").message is pydotcompute.message

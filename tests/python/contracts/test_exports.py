"""What the package makes public is deliberate, importable and documented."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any, get_type_hints

import pytest

import pydotcompute


def package_modules() -> Iterator[ModuleType]:
    yield pydotcompute
    for found in pkgutil.walk_packages(pydotcompute.__path__, "pydotcompute."):
        if not found.name.endswith(("_core", "__main__")):
            yield importlib.import_module(found.name)


MODULES = list(package_modules())


def is_documented(item: object) -> bool:
    """Tell whether somebody wrote a docstring; what a dataclass makes up does not count."""
    text = getattr(item, "__doc__", None)
    made_up = inspect.isclass(item) and (text or "").startswith(f"{item.__name__}(")
    return bool(text) and not made_up


def public_members(owner: type) -> Iterator[tuple[str, object]]:
    for name, member in vars(owner).items():
        plain = getattr(member, "__func__", member)
        if not name.startswith("_") and (inspect.isfunction(plain) or isinstance(plain, property)):
            yield f"{owner.__name__}.{name}", plain


def undocumented(module: ModuleType) -> Iterator[str]:
    if not is_documented(module):
        yield "the module itself"
    for name, item in vars(module).items():
        is_ours = getattr(item, "__module__", None) == module.__name__
        if name.startswith("_") or not is_ours:
            continue
        if (inspect.isclass(item) or inspect.isfunction(item)) and not is_documented(item):
            yield name
        if inspect.isclass(item):
            yield from (
                label for label, member in public_members(item) if not inspect.getdoc(member)
            )


@pytest.mark.parametrize("name", pydotcompute.__all__)
def test_every_exported_name_is_there_and_documented(name: str) -> None:
    item = getattr(pydotcompute, name)
    assert not callable(item) or is_documented(item)


def test_exports_are_sorted_and_named_once() -> None:
    assert list(pydotcompute.__all__) == sorted(set(pydotcompute.__all__))


def test_nothing_public_is_left_out_of_the_exports() -> None:
    public = {
        name
        for name, item in vars(pydotcompute).items()
        if not name.startswith("_") and not inspect.ismodule(item)
    }
    assert public <= set(pydotcompute.__all__)


def test_the_version_is_the_one_that_was_installed() -> None:
    from importlib.metadata import version  # noqa: PLC0415 - read by this test alone

    assert pydotcompute.__version__ == version("pydotcompute")


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_everything_public_is_documented(module: ModuleType) -> None:
    assert not list(undocumented(module))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_what_a_module_exports_exists(module: ModuleType) -> None:
    assert [name for name in getattr(module, "__all__", ()) if not hasattr(module, name)] == []


def methods_of(exported: object) -> list[Any]:
    return [
        member
        for name, member in vars(exported).items()
        if inspect.isfunction(member) and not name.startswith("_")
    ]


EXPORTS = (getattr(pydotcompute, name) for name in pydotcompute.__all__)
CLASSES = [exported for exported in EXPORTS if inspect.isclass(exported)]


@pytest.mark.parametrize("exported", CLASSES)
def test_the_types_of_a_public_method_can_be_looked_up(exported: type) -> None:
    looked_up = [get_type_hints(method) for base in exported.__mro__ for method in methods_of(base)]
    assert all("return" in hints for hints in looked_up)

"""A deferred dataclass is what `dataclasses` would have made of it, as soon as anybody can tell."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import pkgutil
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, asdict, astuple, field, fields, is_dataclass, replace
from importlib import import_module
from pathlib import Path
from threading import Barrier
from typing import Any, ClassVar, Generic, TypeVar

import pytest

import tonearm
from tonearm.deferred_dataclass import dataclass

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Record:
    """A record."""

    kind: ClassVar[str] = "record"
    artist: str
    sides: list[str] = field(default_factory=list, repr=False)
    speed: float = 33.3

    def __post_init__(self) -> None:
        if not self.artist:
            raise ValueError("no artist")


@dataclass(frozen=True, slots=True)
class Single(Record):
    number: int = 0


@dataclass(slots=True, order=True)
class Place:
    shelf: int
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    name: str


@dataclass(slots=True, eq=False)
class Box(Generic[T]):
    holds: T


def plain(cls: type) -> bool:
    """Whether nobody has asked for anything yet."""
    return type(vars(cls)["__init__"]).__name__ == "_Awaited"


def fresh(make: Callable[[], Any]) -> Any:
    """A class of which there is no value."""
    made = make()
    assert plain(made)
    return made


def singles() -> type[Any]:
    @dataclass(frozen=True, slots=True)
    class One:
        """One."""

        a: int
        b: str = "b"

    return One


def without_words() -> type[Any]:
    @dataclass(frozen=True, slots=True)
    class Two(singles()):  # type: ignore[misc]
        c: int = 3

    return Two


@pytest.mark.parametrize("make", [singles, without_words])
@pytest.mark.parametrize(
    "ask",
    [
        is_dataclass,
        fields,
        inspect.signature,
        lambda cls: cls(1),
        lambda cls: cls.__match_args__,
        lambda cls: cls.__dataclass_params__,
    ],
)
def test_it_is_whole_for_whoever_asks_first(make: Callable[[], type[Any]], ask: Callable[[type[Any]], Any]) -> None:
    cls = fresh(make)
    ask(cls)
    assert not plain(cls)
    assert cls(1) == cls(1, "b") != cls(2)
    assert hash(cls(1)) == hash(cls(1, "b"))
    assert repr(cls(1)).endswith("(a=1, b='b')" if make is singles else "(a=1, b='b', c=3)")
    assert not hasattr(cls(1), "__dict__")
    assert cls.__doc__
    with pytest.raises(FrozenInstanceError):
        cls(1).a = 2


def test_a_subclass_is_whole_before_its_base() -> None:
    cls = fresh(without_words)
    assert [one.name for one in fields(cls)] == ["a", "b", "c"]
    assert cls.__slots__ == ("c",)
    assert isinstance(cls(1), cls.__base__)


@pytest.mark.parametrize(
    "options",
    [
        {"frozen": True},
        {"order": True},
        {"eq": False},
        {"unsafe_hash": True},
        {"frozen": True, "kw_only": True, "repr": False},
    ],
)
def test_it_has_all_that_dataclasses_gives(options: dict[str, bool]) -> None:
    def made_by(decorator: Callable[..., Any]) -> Any:
        @decorator(slots=True, **options)
        class Thing:
            a: int
            b: str = "b"

        inspect.signature(Thing)
        return Thing

    ours, theirs = made_by(dataclass), made_by(dataclasses.dataclass)
    assert vars(ours).keys() == vars(theirs).keys()
    assert ours.__dataclass_params__.__repr__() == theirs.__dataclass_params__.__repr__()
    assert inspect.signature(ours) == inspect.signature(theirs)
    assert ours.__doc__ == theirs.__doc__


def test_values_are_copied_changed_and_taken_apart() -> None:
    single = Single("Low", ["a", "b"], number=7)
    for again in (copy.copy(single), copy.deepcopy(single), pickle.loads(pickle.dumps(single)), replace(single)):
        assert again == single
        assert type(again) is Single
    assert replace(single, number=8) != single
    assert asdict(single) == {"artist": "Low", "sides": ["a", "b"], "speed": 33.3, "number": 7}
    assert astuple(Place(1)) == (1, 0)
    assert pickle.loads(pickle.dumps(Place(1, 2))) == Place(1, 2)
    assert Record.kind == single.kind == "record"
    assert Record("Low").sides is not Record("Low").sides
    match single:
        case Record("Low", _, speed):
            assert speed == 33.3
        case _:
            pytest.fail("no match")
    assert sorted([Place(2), Place(1, 5), Place(1)]) == [Place(1), Place(1, 5), Place(2)]
    assert Box(1) != Box(1)
    assert Named(name="x").name == "x"
    with pytest.raises(TypeError, match="positional"):
        Named("x")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="no artist"):
        Record("")


def test_a_value_that_was_pickled_elsewhere_is_read_before_one_is_made() -> None:
    @dataclass(frozen=True, slots=True)
    class Elsewhere:
        a: int

    assert plain(Elsewhere)
    value = object.__new__(Elsewhere)
    value.__setstate__([5])  # type: ignore[attr-defined]
    assert value == Elsewhere(5)


def test_one_without_slots_is_not_deferred() -> None:
    @dataclass(frozen=True)
    class Open:
        a: int = 1

    assert inspect.isfunction(vars(Open)["__init__"])
    assert Open() == Open(1)


def test_what_is_wrong_shows_when_it_is_first_asked_for_each_time() -> None:
    @dataclass(frozen=True, slots=True)
    class Wrong:
        a: int = 1
        b: int  # type: ignore[misc]

    for _ in range(2):
        with pytest.raises(TypeError, match="non-default argument 'b' follows default argument"):
            Wrong(1, 2)


def test_threads_that_make_the_first_values_at_once_all_get_whole_ones() -> None:
    crowd = 8
    with ThreadPoolExecutor(crowd) as threads:
        for _ in range(50):
            cls, gate = fresh(without_words), Barrier(crowd)

            def make(number: int, cls: Any = cls, gate: Barrier = gate) -> Any:
                gate.wait()
                return cls(number)

            made = list(threads.map(make, range(crowd)))
            assert made == [cls(number) for number in range(crowd)]
            assert {hash(one) for one in made} == {hash(cls(number)) for number in range(crowd)}


def modules() -> list[str]:
    return [found.name for found in pkgutil.walk_packages(tonearm.__path__, "tonearm.") if "versions" not in found.name]


def test_every_dataclass_of_tonearm_can_be_worked_out() -> None:
    found = 0
    for name in modules():
        if name == "tonearm.__main__":
            continue
        for value in vars(import_module(name)).values():
            if isinstance(value, type) and value.__module__ == name and is_dataclass(value):
                assert inspect.signature(value)
                found += 1
    assert found > 400


def test_modules_take_dataclasses_with_slots_from_here() -> None:
    root = Path(tonearm.__path__[0])
    early = re.compile(r"^from dataclasses import .*\bdataclass\b", re.MULTILINE)
    assert {
        str(file.relative_to(root))
        for file in root.rglob("*.py")
        if early.search(text := file.read_text()) and re.search(r"^@dataclass\(.*slots=True", text, re.MULTILINE)
    } == set(), "from tonearm.deferred_dataclass import dataclass: it makes every start quicker"

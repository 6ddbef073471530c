"""Dataclasses that cost nothing until one is made.

`dataclasses.dataclass` writes and compiles a class's methods when the class is defined. There are hundreds of them, a
process makes values of few, and writing all was a quarter of every start. This one defines the class with its slots,
and leaves the rest to the first value, or to the first who asks for the fields. What it is then, is what `dataclasses`
makes of it.

A module takes `dataclass` from here instead of from `dataclasses`, and everything else from there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from threading import RLock
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(**options: Any) -> Any:
        """`dataclasses.dataclass`; it is deferred for classes with slots, whose attributes nobody sees before."""

        def decorate(cls: type) -> type:
            if not options.get("slots"):
                return dataclasses.dataclass(**options)(cls)
            return _deferred(cls, {**options, "slots": False})

        return decorate


_FIRST_ASKED_FOR = ("__init__", "__dataclass_fields__", "__dataclass_params__", "__match_args__")
"""What is looked for before anything else can be: nobody has a value before one is made."""

_NO_FIELDS = ("ClassVar", "InitVar", "KW_ONLY", "typing.ClassVar", "dataclasses.InitVar", "dataclasses.KW_ONLY")
_ABSENT = object()
_one_at_a_time = RLock()


def _deferred(cls: type, options: dict[str, Any]) -> type:
    """The class with slots. The one without stays behind, to become a dataclass whose methods are then taken over."""
    names = [name for name, kind in cls.__annotations__.items() if not str(kind).startswith(_NO_FIELDS)]
    body = {name: value for name, value in vars(cls).items() if name not in (*names, "__dict__", "__weakref__")}
    inherited = {name for base in cls.__mro__[1:] for name in vars(base).get("__slots__", ())}
    body["__slots__"] = tuple(name for name in names if name not in inherited)
    pending = _Pending(cls, options, names)
    body |= {name: _Awaited(name, pending.work_out) for name in _FIRST_ASKED_FOR}
    if options.get("frozen"):  # else pickle and copy need no help
        body |= {"__getstate__": _state, "__setstate__": _set_state}
    pending.slotted = type(cls)(cls.__name__, cls.__bases__, body)
    pending.slotted.__qualname__ = cls.__qualname__
    return pending.slotted


class _Pending:
    """A class of which no value has been made."""

    slotted: type

    def __init__(self, plain: type, options: dict[str, Any], names: list[str]) -> None:
        self._plain = plain
        self._options = options
        self._names = names
        self._done = False

    def work_out(self) -> None:
        """Do what was deferred, once."""
        with _one_at_a_time:
            if self._done:
                return
            before = dict(vars(self._plain))
            dataclasses.dataclass(**self._options)(self._plain)
            made = {
                name: value
                for name, value in vars(self._plain).items()
                if before.get(name, _ABSENT) is not value and name not in self._names
            }
            # Another thread must not find half a class: what it looks for first, and waits for, comes last.
            for name in sorted(made, key=_FIRST_ASKED_FOR.__contains__):
                setattr(self.slotted, name, made[name])
            self._done = True


class _Awaited:
    """An attribute that is worked out when it is looked for."""

    __slots__ = ("_name", "_work_out")

    def __init__(self, name: str, work_out: Callable[[], None]) -> None:
        self._name = name
        self._work_out = work_out

    def __get__(self, value: object, cls: type) -> Any:
        self._work_out()
        return getattr(cls if value is None else value, self._name)


def _state(value: Any) -> list[Any]:
    return [getattr(value, field.name) for field in dataclasses.fields(value)]


def _set_state(value: Any, state: list[Any]) -> None:
    for field, one in zip(dataclasses.fields(value), state, strict=True):
        object.__setattr__(value, field.name, one)

"""Validators of routes, made once for all applications of a test run: they are half of what an application costs."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from fastapi._compat import v2
from pydantic import TypeAdapter


def analyse_once() -> None:
    """From now on FastAPI's fields of the same type and rules share their validator."""
    known: dict[Hashable, TypeAdapter[Any]] = {}
    alone = v2.ModelField.__post_init__

    def shared(field: v2.ModelField) -> None:
        facts = v2.asdict(field.field_info)
        key = facts["annotation"], repr((facts["metadata"], facts["attributes"], field.config))
        if key in known:
            field._type_adapter = known[key]
        else:
            alone(field)
            known[key] = field._type_adapter

    v2.ModelField.__post_init__ = shared  # type: ignore[assignment, method-assign]

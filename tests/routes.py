"""What FastAPI works out about routes, kept for all applications of a test run: it is most of what one costs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cache
from typing import Any

from fastapi import routing as of_fastapi
from fastapi._compat import v2
from fastapi.dependencies import models, utils
from pydantic import BaseModel, TypeAdapter
from starlette import routing as of_starlette


def analyse_once() -> None:
    """From now on FastAPI's fields of the same type and rules share their validator, the same forms their model, and
    the same paths their pattern.
    """
    _share_validators()
    _share_models()
    _share_patterns()


def forget() -> None:
    """Let go of the endpoints that FastAPI remembers, and with them of their applications, decks and databases."""
    models._is_gen_callable_cached.cache_clear()
    models._is_async_gen_callable_cached.cache_clear()
    models._is_coroutine_callable_cached.cache_clear()


def _share_validators() -> None:
    known: dict[Hashable, TypeAdapter[Any]] = {}
    alone = v2.ModelField.__post_init__

    def shared(field: v2.ModelField) -> None:
        key = _key(field)
        if key in known:
            field._type_adapter = known[key]
        else:
            alone(field)
            known[key] = field._type_adapter

    v2.ModelField.__post_init__ = shared  # type: ignore[assignment, method-assign]


def _share_models() -> None:
    known: dict[Hashable, type[BaseModel]] = {}
    alone = v2.create_body_model

    def shared(*, fields: Sequence[v2.ModelField], model_name: str, config: Any = None) -> type[BaseModel]:
        key = model_name, repr(config), *((field.name, *_key(field)) for field in fields)
        if key not in known:
            known[key] = alone(fields=fields, model_name=model_name, config=config)
        return known[key]

    utils.create_body_model = shared  # type: ignore[attr-defined]


def _share_patterns() -> None:
    shared = cache(of_starlette.compile_path)
    for module in (of_starlette, of_fastapi):
        module.compile_path = shared  # type: ignore[attr-defined]


def _key(field: v2.ModelField) -> tuple[Hashable, str]:
    facts = v2.asdict(field.field_info)
    return facts["annotation"], repr((facts["metadata"], facts["attributes"], field.config))

"""Routes that cost nothing until they are first requested."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import Match, compile_path, get_name
from starlette.types import Scope


class DeferredRoute(APIRoute):
    """A route that FastAPI analyses when it is first requested or described. That would take longer than everything
    else at the start of the service, and a process rarely serves every route. Until then it only knows how requests are
    matched. Errors in an endpoint's definition are found only then, too.
    """

    methods: set[str]

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        methods: Collection[str] | None = None,
        name: str | None = None,
        include_in_schema: bool = True,
        **options: Any,
    ) -> None:
        self.path, self.endpoint = path, endpoint
        self.name = name or get_name(endpoint)
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self._literal, _, parameters = path.partition("{")
        self._whole = not parameters
        self.methods = {method.upper() for method in methods or ("GET",)}
        self.include_in_schema = include_in_schema
        self._options: dict[str, Any] | None = options

    def may_match(self, path: str) -> bool:
        """Whether a request for a path, which may begin with the one that we are reached under, can be for this route:
        each request asks half of all routes, and nearly all say no at once.
        """
        return path.endswith(self._literal) if self._whole else self._literal in path

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request is for this route."""
        return super().matches(scope) if self.may_match(scope["path"]) else (Match.NONE, {})

    def __getattr__(self, name: str) -> Any:
        """An attribute that only the analysis provides."""
        options = self.__dict__.get("_options")
        if options is None or name.startswith("__"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self._options = None
        try:
            super().__init__(
                self.path,
                self.endpoint,
                methods=self.methods,
                name=self.name,
                include_in_schema=self.include_in_schema,
                **options,
            )
        except BaseException:
            self._options = options
            raise
        return getattr(self, name)

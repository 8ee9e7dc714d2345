"""The schema, made of the types with their executor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import strawberry
from strawberry.schema.config import StrawberryConfig

from gateway.schema import SCALARS, Bridge, Mutation, Query, Subscription
from gateway.schema.fields import Info

if TYPE_CHECKING:
    from graphql.execution import Executor

__all__ = ["make_schema", "print_sdl"]


def make_schema(execution_context_class: type[Executor[Any]] | None = None) -> strawberry.Schema:
    """The schema; without a class of its own it is run by the reference executor."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        # Reached through interfaces only.
        types=[Bridge],
        config=StrawberryConfig(info_class=Info, scalar_map=SCALARS),
        execution_context_class=execution_context_class,
    )


def print_sdl() -> str:
    """The schema as text: what `schema.graphql` holds."""
    return make_schema().as_str() + "\n"

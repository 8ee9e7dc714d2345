"""Selections of all that can be read of a type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import Undefined, get_named_type, is_non_null_type, is_object_type

from gateway.execution.schema import make_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphql import GraphQLField

    Takes = Callable[[str, GraphQLField], bool]

__all__ = ["everything"]

TYPES: Any = make_schema()._schema.type_map


def everything(
    type_name: str,
    takes: Takes,
    *,
    below: Takes | None = None,
    depth: int = 3,
) -> str:
    """All fields that `takes` takes, by name, and that need no argument; of the objects below,
    `depth` levels deep, those that `below` takes, where that is another.
    """
    selected = []
    for name, field in TYPES[type_name].fields.items():
        if not takes(name, field) or any(
            is_non_null_type(argument.type) and argument.default_value is Undefined
            for argument in field.args.values()
        ):
            continue
        type_ = get_named_type(field.type)
        if not is_object_type(type_):
            selected.append(name)
        elif depth:
            selected.append(f"{name} {everything(type_.name, below or takes, depth=depth - 1)}")
    return f"{{ {' '.join(selected)} }}"

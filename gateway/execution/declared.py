"""What entities declare of their attributes: the classes that decoding can put there."""

from __future__ import annotations

from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

__all__ = ["declared_classes", "item_class"]


@cache
def declared_classes(entity: type, path: str) -> tuple[Any, ...]:
    """The classes that an entity declares for an attribute, or for a path of attributes.

    `NoneType` is one of them where the value, or one on the way to it, may be null. Empty where the
    entity does not declare the attribute.
    """
    name, _, rest = path.partition(".")
    # Reading annotations takes longer than all else that is done for a field: hence the cache.
    hint = get_type_hints(entity).get(name)
    is_union = get_origin(hint) in {Union, UnionType}
    classes: tuple[Any, ...] = get_args(hint) if is_union else () if hint is None else (hint,)
    if not rest:
        return classes
    return tuple(
        found
        for held in classes
        for found in ((held,) if held is NoneType else declared_classes(held, rest))
    )


def item_class(declared: Any) -> Any:
    """The class of a list's items; the declared class itself if it is no list."""
    return get_args(declared)[0] if get_origin(declared) is list else declared

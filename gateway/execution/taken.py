"""What a plan reads of the entities, so that no more of them is decoded (`upstream.pruning`).

Fields declare what they read (`schema.fields`); what is selected of embedded entities counts for
every entity of their class. A field that does not declare it takes its entity whole, and so does
all of a plan with selections that could not be told, and a mutation: answers to writes are whole.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from graphql import OperationType

from gateway.schema import ENTITY_TYPES
from gateway.upstream.pruning import KEPT

if TYPE_CHECKING:
    from gateway.execution.plan import Plan, Selection
    from gateway.upstream.pruning import Taken

__all__ = ["declared_classes", "taken_by"]

Attributes: TypeAlias = defaultdict[type, set[str]]


def taken_by(plan: Plan) -> Taken:
    """The entity classes that need not be read whole, with what is read of them."""
    if plan.operation.operation is OperationType.MUTATION:
        return frozenset()
    attributes: Attributes = defaultdict(set)
    whole: set[type] = set()
    for selection in plan.selections:
        if selection.grouped is None:
            return frozenset()
        for entity, name in ENTITY_TYPES.items():
            if name == selection.type.name and not _take_fields(attributes, entity, selection):
                whole.add(entity)
        for part in selection.fields:
            if part.slot is not None and part.slot.edge is not None:
                for entity, path in part.slot.edge.reads_elsewhere:
                    _take(attributes, entity, path)
    return frozenset(
        (entity, frozenset(names | KEPT[entity]))
        for entity, names in attributes.items()
        if entity in KEPT and entity not in whole
    )


def _take_fields(attributes: Attributes, entity: type, selection: Selection) -> bool:
    """Note what the fields of a selection read of an entity; false where one does not tell."""
    # An entity of which nothing but its type is selected is taken, too.
    attributes[entity].update()
    for part in selection.fields:
        kind = part.read or (part.slot.edge if part.slot is not None else None)
        if kind is not None:
            if kind.reads is None:
                return False
            for path in kind.reads:
                _take(attributes, entity, path)
    return True


def _take(attributes: Attributes, entity: type, path: str) -> None:
    """Note a path of attributes, as in "artifacts.file_type"."""
    name, _, rest = path.partition(".")
    attributes[entity].add(name)
    for held in declared_classes(entity, name) if rest else ():
        _take(attributes, (*get_args(held), held)[0], rest)


@cache
def declared_classes(entity: type, path: str) -> tuple[Any, ...]:
    """The classes that an entity declares for an attribute, or a path of them, None's among them;
    none if it does not declare it.
    """
    name, _, rest = path.partition(".")
    # Reading annotations takes longer than all else that is done for a field.
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

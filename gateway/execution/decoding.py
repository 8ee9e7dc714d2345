"""What a plan reads of the entities, so that no more of them is decoded (`upstream.pruning`).

Fields declare what they read (`schema.fields`). An entity class is decoded the same way wherever it
appears, so what all selections read of it is added up. An entity is read whole where one of its
fields does not declare what it reads. All entities are read whole in a mutation, and in a plan with
a selection whose fields nobody can name.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, TypeAlias

from graphql import OperationType

from gateway.execution.declared import declared_classes, item_class
from gateway.schema import ENTITY_TYPES
from gateway.upstream.pruning import KEPT

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from gateway.execution.plan import Field, Plan, Selection
    from gateway.schema.fields import Edge
    from gateway.upstream.pruning import Taken

__all__ = ["attributes_read"]

Attributes: TypeAlias = defaultdict[type, set[str]]

# Between two turns: some 10 µs each, more where they have many fields.
SELECTIONS_AT_ONCE: Final = 50


def attributes_read(plan: Plan) -> Generator[None, None, Taken]:
    """The entity classes that need not be read whole, with the attributes that are read of them;
    yields every few selections.
    """
    if plan.operation.operation is OperationType.MUTATION:
        return frozenset()
    attributes: Attributes = defaultdict(set)
    whole: set[type] = set()
    for selection in plan.selections:
        if selection.number % SELECTIONS_AT_ONCE == 0:
            yield
        if selection.grouped is None:
            return frozenset()
        for entity, type_name in ENTITY_TYPES.items():
            if type_name == selection.type.name and not _add_fields(attributes, entity, selection):
                whole.add(entity)
        for field in selection.fields:
            if field.slot is not None and field.slot.edge is not None:
                for entity, path in _read_elsewhere(field.slot.edge, field):
                    _add(attributes, entity, path)
    _add_kept(attributes)
    return frozenset(
        (entity, frozenset(read | KEPT[entity]))
        for entity, read in attributes.items()
        if entity in KEPT and entity not in whole
    )


def _add_kept(attributes: Attributes) -> None:
    """Add what is always decoded: it is pruned as well where nothing of it is selected."""
    for entity in tuple(attributes):
        for name in KEPT.get(entity, ()):
            for declared in declared_classes(entity, name):
                attributes[item_class(declared)].update()


def _read_elsewhere(edge: Edge, field: Field) -> Iterator[tuple[type, str]]:
    yield from edge.reads_elsewhere
    for argument in field.details[0].node.arguments or ():
        yield from (edge.reads_with or {}).get(argument.name.value, ())


def _add_fields(attributes: Attributes, entity: type, selection: Selection) -> bool:
    """Add what the fields of a selection read of an entity; false where one of them does not
    declare it.
    """
    is_declared = True
    # The entity is pruned as well where nothing but its `__typename` is selected.
    attributes[entity].update()
    for field in selection.fields:
        kind = field.read or (field.slot.edge if field.slot is not None else None)
        if kind is not None:
            is_declared &= kind.reads is not None
            for path in kind.reads or ():
                _add(attributes, entity, path)
    return is_declared


def _add(attributes: Attributes, entity: type, path: str) -> None:
    """Add a path of attributes, as in "artifacts.file_type"."""
    name, _, rest = path.partition(".")
    attributes[entity].add(name)
    for declared in declared_classes(entity, name) if rest else ():
        _add(attributes, item_class(declared), rest)

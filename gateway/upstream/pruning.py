"""Pruned entities: of an answer's objects only the attributes that an operation reads are decoded.

A job holds some sixty values; most operations show a dozen. What is not decoded is neither checked
nor made, held and freed, and that is most of what a page of jobs costs. A pruned class has the
properties of the whole one and fewer fields: reading another attribute of it is an
`AttributeError`, never a wrong null.

    readers = readers_of(frozenset({(Job, frozenset({"name", "user"})), (User, frozenset())}))
    readers.jobs        reads of jobs id, name, user, pipeline and asked_project, of users nothing
    WHOLE.jobs          reads all that is declared
"""

from __future__ import annotations

from functools import cached_property
from itertools import chain
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, get_args, get_origin
from weakref import WeakValueDictionary

from msgspec import Struct, defstruct, field
from msgspec.structs import FieldInfo, fields

from gateway.turns import finished
from gateway.upstream.entities import (
    Artifact,
    Bridge,
    Commit,
    Job,
    Pipeline,
    PipelineDetail,
    PipelineVariable,
    ReportedSuite,
    ReportedTests,
)
from gateway.upstream.reading import (
    Reader,
    note_job_of_artifacts,
    note_project_of_items,
    note_project_of_pipelines,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

__all__ = ["WHOLE", "Readers", "Taken", "reader_steps", "readers_of", "whole_class"]

# Entity classes, each with the attributes that are read of it; classes left out are read whole.
Taken: TypeAlias = frozenset[tuple[type, frozenset[str]]]


def _prunable(entity: type) -> Iterator[type]:
    """The classes that an answer of this one holds, embedded ones first, itself last."""
    for part in fields(entity):
        for held in _held_by(part.type):
            yield from _prunable(held)
    yield entity


def _held_by(hint: Any) -> Iterator[type]:
    if isinstance(hint, type) and issubclass(hint, Struct):
        yield hint
    for argument in get_args(hint):
        yield from _held_by(argument)


# What can be pruned, embedded classes first, and the attributes that are always decoded.
KEPT: Final[Mapping[type, frozenset[str]]] = {
    entity: frozenset(getattr(entity, "always", ()))
    for entity in (
        *chain.from_iterable(map(_prunable, (Pipeline, PipelineDetail, Job, Bridge))),
        PipelineVariable,
        # Not its counts: those of a suite are made here.
        ReportedSuite,
        ReportedTests,
    )
}


NOT_PRUNED: Final[Mapping[type, type]] = {}


class Readers:
    """Reads each kind of answer. `classes` gives the pruned class for each that is pruned."""

    def __init__(self, classes: Mapping[type, type] = NOT_PRUNED) -> None:
        self.classes = classes

    @cached_property
    def jobs(self) -> Reader[Job]:
        shape = self.classes.get(Job, Job)
        file = self.classes.get(Artifact, Artifact)
        has_files = hasattr(shape, "artifacts") and hasattr(file, "job")
        return Reader(shape, note_job_of_artifacts if has_files else note_project_of_items)

    @cached_property
    def show_pipelines_of_jobs(self) -> bool:
        """Is more read of a job's pipeline than what never changes?"""
        shape = self.classes.get(Pipeline, Pipeline)
        return hasattr(shape, "status") or hasattr(shape, "updated_at")

    @cached_property
    def bridges(self) -> Reader[Bridge]:
        return Reader(self.classes.get(Bridge, Bridge), note_project_of_items)

    @cached_property
    def pipelines(self) -> Reader[Pipeline]:
        return Reader(self.classes.get(Pipeline, Pipeline), note_project_of_pipelines)

    @cached_property
    def details(self) -> Reader[PipelineDetail]:
        return Reader(self.classes.get(PipelineDetail, PipelineDetail), note_project_of_pipelines)

    @cached_property
    def variables(self) -> Reader[PipelineVariable]:
        return Reader(self.classes.get(PipelineVariable, PipelineVariable))

    @cached_property
    def tests(self) -> Reader[ReportedTests]:
        return Reader(self.classes.get(ReportedTests, ReportedTests))

    @cached_property
    def commits(self) -> Reader[Commit]:
        return Reader(self.classes.get(Commit, Commit))


WHOLE: Final = Readers()


# They live as long as a plan that reads with them: classes are cycles, and would be too old for the
# collector by the time that a store of their own drops them.
_readers: WeakValueDictionary[Taken, Readers] = WeakValueDictionary()


def readers_of(taken: Taken) -> Readers:
    """Readers that decode only this; the same for all operations that take the same."""
    return finished(reader_steps(taken))


def reader_steps(taken: Taken) -> Generator[None, None, Readers]:
    """The same in steps: a class takes up to 1 ms to make."""
    if not taken:
        return WHOLE
    readers = _readers.get(taken)
    if readers is not None:
        return readers
    attributes = dict(taken)
    classes: dict[type, type] = {}
    for entity, kept in KEPT.items():
        if entity in attributes:
            classes[entity] = _pruned(entity, attributes[entity] | kept, classes)
            yield
    # Another may have made them meanwhile.
    return _readers.setdefault(taken, Readers(classes))


def whole_class(entity: type) -> type:
    """The class that a class was pruned from; itself if it was not."""
    whole: type = getattr(entity, "whole", entity)
    return whole


def _pruned(entity: type, attributes: frozenset[str], classes: Mapping[type, type]) -> type:
    names = set(entity.__struct_fields__)  # type: ignore[attr-defined]  # they are structs
    # Properties, class variables and how it shows itself, those of base classes first.
    members = {
        name: value
        for base in reversed(entity.__mro__)
        for name, value in vars(base).items()
        if (not name.startswith("_") or name == "__repr__")
        and name not in names
        and base is not object
    }
    return defstruct(
        f"Pruned{entity.__name__}",
        [
            (part.name, _with_pruned(part.type, classes), _field(part))
            for part in fields(entity)
            if part.name in attributes
        ],
        namespace={**members, "whole": entity},
        gc=False,
    )


def _field(part: FieldInfo) -> Any:
    if part.required:
        return field(name=part.encode_name)
    return field(default=part.default, name=part.encode_name)


def _with_pruned(hint: Any, classes: Mapping[type, type]) -> Any:
    """A field's type with the pruned classes in it: `X`, `list[X]` or a union of such."""
    arguments = [_with_pruned(argument, classes) for argument in get_args(hint)]
    if get_origin(hint) is list:
        return list[arguments[0]]  # type: ignore[valid-type]  # a type at run time
    if get_origin(hint) is UnionType:
        union = arguments[0]
        for argument in arguments[1:]:
            union |= argument
        return union
    return classes.get(hint, hint)

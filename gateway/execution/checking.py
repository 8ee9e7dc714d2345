"""What trusted documents cost, and what is wrong with them, before a gateway is given them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from graphql import DocumentNode, NoDeprecatedCustomRule, validate

from gateway.execution.limits import depth_of
from gateway.execution.manifests import BadDocuments, read_documents
from gateway.execution.trusted import made
from gateway.execution.worst import worst_of
from gateway.turns import finished

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from graphql import GraphQLSchema

    from gateway.execution.documents import Documents
    from gateway.execution.manifests import Written
    from gateway.execution.operation import Operation

__all__ = ["Bounds", "check_documents"]

HEAD: Final = f"{'calls':>7}  {'depth':>5}  {'fields':>9}  operation"
# What stands below an operation's name.
INDENT: Final = " " * 27


class Bounds(NamedTuple):
    """What an operation may take: upstream calls, those for an event of a subscription, fields of a
    response, and rows of a list that is read whole.
    """

    calls: int
    event_calls: int
    nodes: int
    list_rows: int


def check_documents(
    documents: Documents, path: Path, bounds: Bounds, *, strict: bool = False
) -> tuple[list[str], list[str]]:
    """The lines of a report, one for each operation of a folder or manifest, and what is wrong; by
    a `strict` check what is deprecated is wrong as well.
    """
    try:
        written = read_documents(path)
    except BadDocuments as bad:
        return [], bad.mistakes
    found, mistakes = finished(made(documents, written))
    lines = [HEAD]
    told: set[str] = set()
    for one in written:
        document = found[one.text]
        if document.errors or one.text in told:
            continue
        told.add(one.text)
        for operation in document.operations:
            checked = _Checked(one, operation, documents.schema, bounds)
            lines += checked.lines()
            mistakes += checked.excesses()
            mistakes += [f"{checked.place}: {use}" for use in checked.deprecated if strict]
    return lines, mistakes


class _Checked:
    """One operation, looked at."""

    def __init__(
        self, one: Written, operation: Operation, schema: GraphQLSchema, bounds: Bounds
    ) -> None:
        self.place = one.place()
        self._id = one.id
        self._operation = operation
        self._bounds = bounds
        self._worst = worst_of(operation, schema, bounds.list_rows)
        fragments = operation.fragment_definitions
        whole = DocumentNode(definitions=(operation.node, *fragments.values()))
        self.deprecated = list(
            dict.fromkeys(
                error.message for error in validate(schema, whole, [NoDeprecatedCustomRule])
            )
        )

    def lines(self) -> Iterator[str]:
        operation, worst = self._operation, self._worst
        depth = depth_of(operation.node, operation.fragment_definitions)
        calls, nodes = ("?", "?") if worst is None else (f"{worst.calls:,}", f"{worst.nodes:,}")
        name = f"{operation.type} {operation.name or '(unnamed)'}"
        yield f"{calls:>7}  {depth:>5}  {nodes:>9}  {name}  {self._id}"
        if worst is None:
            yield f"{INDENT}calls and fields depend on its variables"
        elif worst.each:
            yield f"{INDENT}with one item in {' and '.join(worst.each)}"
        yield from (f"{INDENT}deprecated: {use}" for use in self.deprecated)

    def excesses(self) -> Iterator[str]:
        """What would be refused."""
        worst, bounds = self._worst, self._bounds
        if worst is None:
            return
        is_event = self._operation.type == "subscription"
        calls = bounds.event_calls if is_event else bounds.calls
        if worst.calls > calls:
            yield (
                f"{self._named}: it may need {worst.calls} upstream calls"
                f"{' for one event' if is_event else ''}; {calls} are allowed"
                f" ({'GATEWAY_MAX_EVENT_CALLS' if is_event else 'GATEWAY_MAX_CALLS'}); most of them"
                f" for {worst.dearest}"
            )
        if worst.nodes > bounds.nodes:
            yield (
                f"{self._named}: its response may have {worst.nodes} fields; {bounds.nodes} are"
                f" allowed (GATEWAY_MAX_RESPONSE_NODES); most of them at {worst.fullest}"
            )

    @property
    def _named(self) -> str:
        return f"{self.place}: {self._operation.type} {self._operation.name or '(unnamed)'}"

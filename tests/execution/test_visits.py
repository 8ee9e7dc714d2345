"""How often a document's nodes are looked at is linear in its length, whatever it spreads: counted,
since the clock tells nothing of small documents.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from graphql import Node, parse
from hypothesis import HealthCheck, given, settings

from gateway.execution import limits, validation, vetting
from gateway.execution.documents import Documents
from gateway.execution.executor import PlannedExecutor
from gateway.execution.limits import Limits
from gateway.execution.schema import make_schema
from tests.execution.operations import Operation, operations
from tests.execution.test_cold_documents import DOCUMENTS, with_fragments

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = make_schema(PlannedExecutor)
# Entered and left by the rules, and once more where the variables of a fragment are looked for.
VISITS_OF_A_NODE = 4


@pytest.fixture(scope="module")
def visits() -> Iterator[Counter[str]]:
    """How many nodes the rules, what comes before them, and the limits have looked at."""
    seen: Counter[str] = Counter()
    visit, size = validation._visit, limits._Measure.size

    def counted_visit(visitor: Any, node: Any, *given: Any, **named: Any) -> Any:
        seen["rules"] += isinstance(node, Node)
        return visit(visitor, node, *given, **named)

    def counted_size(measure: Any, selection_set: Any) -> Any:
        seen["limits"] += 1 + (0 if selection_set is None else len(selection_set.selections))
        return size(measure, selection_set)

    def counted(look: Any) -> Any:
        def counted_look(*given: Any, **named: Any) -> Any:
            seen["vetting"] += 1
            return look(*given, **named)

        return counted_look

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(validation, "_visit", counted_visit)
        patched.setattr(limits._Measure, "size", counted_size)
        for name in ("_field", "_spread", "_value"):
            patched.setattr(vetting._Vetting, name, counted(getattr(vetting._Vetting, name)))
        yield seen


def nodes_in(node: Node) -> int:
    below = (getattr(node, key) for key in node.keys)
    parts = (part for value in below for part in (value if isinstance(value, tuple) else [value]))
    return 1 + sum(nodes_in(part) for part in parts if isinstance(part, Node))


def check(text: str, visits: Counter[str]) -> None:
    nodes = nodes_in(parse(text))
    visits.clear()

    Documents(SCHEMA, Limits()).get(text)

    assert visits["limits"] <= nodes
    assert visits["vetting"] <= nodes
    assert visits["rules"] <= VISITS_OF_A_NODE * nodes


def doubling(count: int) -> str:
    """Fragments that each spread the next one twice."""
    fragments = " ".join(
        f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(count)
    )
    return f"{{ ...F0 }} {fragments} fragment F{count} on Query {{ __typename }}"


@pytest.mark.parametrize(
    "text",
    [
        *DOCUMENTS.values(),
        *map(doubling, (3, 8, 50)),
        with_fragments(20, 20),
        with_fragments(50, 50),
    ],
    ids=[*DOCUMENTS, "doubling 3", "doubling 8", "doubling 50", "20 by 20", "50 by 50"],
)
def test_a_document_at_the_limits_is_looked_at_once(text: str, visits: Counter[str]) -> None:
    check(text, visits)


@settings(
    max_examples=50,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(operation=operations(SCHEMA._schema, max_fields=40))
def test_any_document_is_looked_at_once(operation: Operation, visits: Counter[str]) -> None:
    check(operation.text, visits)
    assert visits["limits"]
    assert visits["vetting"]

"""A text of a known shape comes to what it comes to alone: the same answer or the same errors, at
the same places.

More on demand: `GATEWAY_TEST_OPERATIONS=20000 pytest tests/execution/test_filled_documents.py`.
"""

from __future__ import annotations

import logging
import re
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from graphql import GraphQLError, Lexer, Source, TokenKind
from hypothesis import event, given, settings
from hypothesis import strategies as st

from gateway.execution.document import FilledDocument
from gateway.execution.documents import Documents
from gateway.execution.executor import PlannedExecutor
from gateway.execution.limits import Limits
from gateway.execution.operation import LEAST_WEIGHT
from gateway.execution.persisted import PersistedDocuments
from gateway.execution.request import Caller, Carrier, GraphQLRequest
from gateway.execution.response import RequestError, executed
from gateway.execution.schema import make_schema
from gateway.execution.shapes import key_of, pieces_of
from gateway.turns import finished
from gateway.upstream.scope import CallScope, Tally
from tests.execution.comparison import Stack
from tests.execution.corpus.shapes import SHAPES, ShapeCase
from tests.execution.fake import FakeContext
from tests.execution.fake_world import World
from tests.execution.mutants import Mutant
from tests.execution.operations import VALUES, Operation, operations
from tests.execution.shape_mutants import SHAPE_MUTANTS
from tests.execution.test_equality import COUNT, repeatable, worlds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from graphql import ExecutionResult

    from tests.execution.settling import SettlingLoop

SCHEMA = make_schema(PlannedExecutor)
GATEWAY = Stack()
LITERALS = {TokenKind.INT, TokenKind.FLOAT, TokenKind.STRING, TokenKind.BLOCK_STRING}
# What stands where a literal stood: of its kind, of another, out of the ordinary, wrong.
ODD = (
    *("0", "-0", "1", "100", "2147483647", "2147483648", "-2147483649", "1" * 400),
    *("1.0", "1e2", "-1.5E-3", "1e999", '""', '"1"', '"a b"', r'"a\"b"', r'"\u00e9\n"', r'"\q"'),
    *(r'"\u{1F600}"', '"# no comment"', '"a\u2028b"', '"😀"', '"\x00"', '"\ud800"', '"a\nb"'),
    *(
        '"""',
        '"""block"""',
        '"""a "b" \\""" c\n   d\n  e"""',
        '""""',
        "null",
        "true",
        "MAIN",
        "$no",
    ),
    *("01", "1a", "-", ".5", "1.", "[1]", '["1" "2"]', "{}", "# a comment\n1", '"2020-01-01"'),
    *('"2020-11-01T09:00:00Z"', '"https://gitlab.test/a/b/-/jobs/7"', "@", "1 2", "1,"),
)
GIVEN = tuple(
    sorted(
        {
            msgspec.json.encode(value).decode()
            for values in VALUES.values()
            for some in values
            for value in some
            if isinstance(value, int | float | str)
        }
    )
)
SPACES = (" ", " ", " ", "  ", "\n", "\r\n\t", ",", " # one\n", '\n# "two" 2\n  ', "#\n#3\n")


def tokens(text: str) -> Iterator[tuple[bool, str]]:
    """The tokens of a valid text, by graphql-core; and whether each is a literal."""
    lexer = Lexer(Source(text))
    while (token := lexer.advance()).kind is not TokenKind.EOF:
        yield token.kind in LITERALS, text[token.start : token.end]


@st.composite
def texts_of_a_shape(draw: Callable[..., Any], text: str, count: int = 4) -> list[str]:
    """Texts that differ only where literals and comments stand, the first as it is but for what
    stands between its tokens.
    """
    found = [*tokens(text)]
    spaces = [draw(st.sampled_from(SPACES)) for _ in found]
    literals = st.sampled_from(GIVEN) | st.sampled_from(ODD)

    def written(*, is_first: bool) -> str:
        written = []
        for (is_literal, token), space in zip(found, spaces, strict=True):
            is_other = is_literal and not is_first and draw(st.integers(0, 3)) == 0
            written += [draw(literals) if is_other else token]
            written += [space if is_first else space.replace("#", "#x")]
        return "".join(written)

    return [written(is_first=number == 0) for number in range(count)]


def fresh() -> Documents:
    return Documents(SCHEMA, Limits())


def prepared(
    documents: Any,
    text: str,
    variables: Mapping[str, Any] | None = None,
    *,
    max_calls: int = 300,
    stack: Stack = GATEWAY,
) -> Any:
    """As the gateway prepares it; raises `RequestError`."""
    preparation = stack.preparing.Preparation(
        documents,
        PersistedDocuments(0),
        max_calls=max_calls,
        max_nodes=20_000,
        max_list_rows=1_000,
    )
    caller = Caller(Carrier("test"), None, "id", arrived=0, deadline=0)
    request = GraphQLRequest(text, variables=dict(variables or {}))
    document: Any = None
    while True:
        found = preparation.find(request, caller, document)
        if hasattr(found, "plan"):
            return found
        try:
            made = finished(found)
        except GraphQLError as error:
            raise RequestError("GRAPHQL_VALIDATION_FAILED", errors=[error]) from None
        if hasattr(made, "operations"):
            document = made


def answer(
    documents: Any,
    text: str,
    variables: Mapping[str, Any] | None,
    world: World,
    loop: SettlingLoop,
    stack: Stack = GATEWAY,
) -> tuple[Any, ...]:
    """All that a caller could see of it, and what was asked of the upstream."""
    try:
        operation = prepared(documents, text, variables, stack=stack)
    except RequestError as error:
        return (error.response(Tally(), "id").body,)
    context = FakeContext(world, loop)
    context.readers = operation.plan.readers
    execution = stack.executor.PlanExecution(
        operation.operation,
        operation.plan,
        operation.variables,
        context,
        arguments=operation.estimate.arguments,
    )

    async def run() -> ExecutionResult:
        result = stack.executor.execute_plan(execution)
        return await result if isawaitable(result) else result

    result = loop.run_until_complete(run())
    response = executed(result, operation, CallScope(None, 0, "id"), tells_cost=True)
    loop.drain()
    return (
        response.encoded().body,
        operation.estimate.dearest,
        operation.size,
        operation.operation.name,
        context.asked,
    )


@settings(repeatable, max_examples=COUNT // 4)
@given(data=st.data(), operation=operations(SCHEMA._schema, max_fields=20), world=worlds)
def test_texts_of_a_shape_come_to_what_each_comes_to_alone(
    loop: SettlingLoop, data: st.DataObject, operation: Operation, world: World
) -> None:
    texts = data.draw(texts_of_a_shape(operation.text))
    known = fresh()

    for text in texts:
        for variables in operation.variables:
            alone = answer(fresh(), text, variables, world, loop)

            assert answer(known, text, variables, world, loop) == alone
        event("filled" if isinstance(known.find(text), FilledDocument) else "for itself")


class TestEachRule:
    @pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in SHAPES])
    def test_comes_to_what_it_comes_to_alone(self, loop: SettlingLoop, case: ShapeCase) -> None:
        known = fresh()

        assert not differing(case, known, loop)
        assert isinstance(known.find(case.texts[-1]), FilledDocument) is case.is_filled

    def test_mutants_are_loaded_with_all_that_is_checked(self, loop: SettlingLoop) -> None:
        """Without a mutation nothing is found."""
        same = Mutant("none", "shapes", "def pieces_of(", "def pieces_of(")

        assert not is_found(same, loop)

    @pytest.mark.parametrize(
        "mutant", [pytest.param(mutant, id=mutant.name) for mutant in SHAPE_MUTANTS]
    )
    def test_finds_a_mutant(self, loop: SettlingLoop, mutant: Mutant) -> None:
        assert is_found(mutant, loop)


def differing(case: ShapeCase, known: Any, loop: SettlingLoop, stack: Stack = GATEWAY) -> bool:
    """Does a text of the case come to anything else than alone?"""
    return any(
        answer(known, text, variables, World(), loop, stack)
        != answer(fresh(), text, variables, World(), loop)
        for text in case.texts
        for variables in case.variables
    )


def is_found(mutant: Mutant, loop: SettlingLoop) -> bool:
    stack = mutant.load(validates=True)
    for case in SHAPES:
        try:
            if differing(case, stack.documents.Documents(SCHEMA, Limits()), loop, stack):
                return True
        except Exception:  # noqa: BLE001 - a mutant may fail in any way
            return True
    return False


class TestPieces:
    @settings(repeatable, max_examples=2_000)
    @given(text=st.text(st.sampled_from('""\\\\#0019-.eE+aJ_ ,:[\n\r\ud800é'), max_size=12))
    def test_are_the_literals_that_the_lexer_finds(self, text: str) -> None:
        """Where there is a block string, or a number touches another, they may be none."""
        try:
            expected = [token for is_literal, token in tokens(text) if is_literal]
        except GraphQLError:
            return
        pieces = pieces_of(text)

        found = [piece for piece in pieces[1::2] if not piece.startswith("#")]
        assert "".join(pieces) == text
        assert found == expected or has_literals(pieces[::2])

    @settings(repeatable, max_examples=2_000)
    @given(data=st.data())
    def test_that_change_places_are_the_literals_of_the_other_text(
        self, data: st.DataObject
    ) -> None:
        """What stands between literals is the same: so is what the lexer finds there."""
        between = ["a", " ", "", "[", "a:", "\n", "{b,"]
        literals = [*ODD, *GIVEN]
        one, other = (
            data.draw(
                st.lists(st.tuples(st.sampled_from(between), st.sampled_from(literals)), max_size=4)
            )
            for _ in range(2)
        )
        texts = ["".join(f"{space}{literal}" for space, literal in some) for some in (one, other)]
        first, second = map(pieces_of, texts)
        if key_of(first) != key_of(second) or has_literals(first[::2]):
            return
        kinds = [piece.startswith("#") for piece in first[1::2]]
        if kinds != [piece.startswith("#") for piece in second[1::2]]:
            return
        try:
            found = [token for is_literal, token in tokens(texts[0]) if is_literal]
        except GraphQLError:
            return
        try:
            expected = [token for is_literal, token in tokens(texts[1]) if is_literal]
        except GraphQLError:
            # What stands in a string is looked at when it is read.
            assert "\\" in texts[1]
            return

        assert len(found) == len(expected)

    def test_are_found_in_linear_time(self) -> None:
        shapes = ["1" * 64_000, '"' + "\\n" * 32_000, "-" * 64_000, "1." * 32_000, "#" * 64_000]

        for text in shapes:
            assert "".join(pieces_of(text)) == text


def has_literals(between: list[str]) -> bool:
    return any(re.search(r'["#]|(?<![A-Za-z0-9_])[0-9-]', piece) for piece in between)


class TestKeeping:
    ONE_JOB = "{ job(by: {path: {project: 1, job: %s}}) { name } }"

    def test_the_second_text_of_a_shape_is_the_last_that_is_kept(self) -> None:
        known = fresh()

        for number in range(500):
            known.get(self.ONE_JOB % number)

        assert len(known) == 2

    def test_plans_of_a_shape_are_made_once(self) -> None:
        known = fresh()
        for number in range(3):
            prepared(known, self.ONE_JOB % number)
        weight = known._weight

        plans = {id(prepared(known, self.ONE_JOB % number).plan) for number in range(9, 99)}

        assert len(plans) == 1
        assert known._weight == weight

    def test_a_text_that_is_kept_stays_what_it_is(self) -> None:
        known = fresh()
        first = known.get(self.ONE_JOB % 1)
        for number in range(2, 9):
            known.get(self.ONE_JOB % number)

        assert known.get(self.ONE_JOB % 1) is first

    def test_a_flood_of_shapes_is_bounded(self) -> None:
        known = Documents(SCHEMA, Limits(), kept=10)

        for number in range(200):
            for value in range(3):
                known.get(f"{{ a{number}: {self.ONE_JOB[2:] % value}")

        assert len(known) == 10
        assert known._weight == sum(document.weight for document in known._documents.values())

    def test_trusted_texts_make_no_shape(self) -> None:
        known = fresh()
        texts = [self.ONE_JOB % number for number in range(4)]
        known.trust({text: finished(known.making_trusted(text, text)) for text in texts})

        assert [known.get(text).trusted for text in texts] == texts
        assert len(known) == 0

    def test_what_is_over_a_measured_limit_is_told_of_each_text(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        known = Documents(SCHEMA, Limits(), measured=Limits(depth=1))
        caplog.set_level(logging.WARNING, "gateway.limits")

        for number in range(4):
            known.get(self.ONE_JOB % number)

        assert len(caplog.records) == 4

    def test_a_text_that_is_too_long_is_refused(self) -> None:
        known = Documents(SCHEMA, Limits(characters=100))
        for number in range(3):
            known.get(self.ONE_JOB % number)

        assert known.get(self.ONE_JOB % f'"{"7" * 100}"').errors

    def test_what_a_shape_holds_counts(self) -> None:
        known = fresh()
        for number in range(3):
            prepared(known, self.ONE_JOB % number)

        first, shape = known._documents.values()

        assert shape.weight > first.weight


ROWS = (1, 2, 3, 50)


def test_the_cost_is_that_of_the_values_at_hand() -> None:
    known = fresh()
    text = "{ project(id: 1) { jobs(first: %s) { nodes { pipeline { jobs { totalCount } } } } } }"

    estimated = [prepared(known, text % rows).estimate.calls for rows in ROWS]
    alone = [prepared(fresh(), text % rows).estimate.calls for rows in ROWS]

    assert estimated == alone
    assert len({*estimated}) == len(ROWS)
    with pytest.raises(RequestError) as refused:
        prepared(known, text % 50, max_calls=40)
    assert refused.value.code == "COST_EXCEEDED"


def test_a_shape_is_asked_for_by_many_at_once() -> None:
    """Those who come before its plan is made make it themselves, and it counts once."""
    known = fresh()
    text = "{ job(by: {path: {project: 1, job: %s}}) { name } }"
    known.get(text % 1)
    filled = [known.get(text % number).operation(None) for number in range(2, 6)]
    steps = [operation.planning(operation.constants) for operation in filled]
    plans = [finished(some) for some in steps]

    (document,) = [one for one in known._documents.values() if one.shape is not None]

    assert len(plans) == 4
    assert known._weight == sum(one.weight for one in known._documents.values())
    assert document.operation(None)._weight < 2 * (document.weight - LEAST_WEIGHT)

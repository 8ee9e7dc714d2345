"""Texts of one shape, and what each comes to: alone, or filled into the shape that is known."""

from __future__ import annotations

from inspect import isawaitable
from typing import TYPE_CHECKING, Any

import msgspec
from graphql import GraphQLError, Lexer, Source, TokenKind
from hypothesis import strategies as st

from gateway.execution.documents import Documents
from gateway.execution.executor import PlannedExecutor
from gateway.execution.limits import Limits
from gateway.execution.persisted import PersistedDocuments
from gateway.execution.request import Caller, Carrier, GraphQLRequest
from gateway.execution.response import RequestError, executed
from gateway.execution.schema import make_schema
from gateway.turns import finished
from gateway.upstream.scope import CallScope, Tally
from tests.execution.comparison import Stack
from tests.execution.fake import FakeContext
from tests.execution.operations import VALUES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from graphql import ExecutionResult

    from tests.execution.fake_world import World
    from tests.execution.settling import SettlingLoop

__all__ = [
    "GATEWAY",
    "GIVEN",
    "ODD",
    "SCHEMA",
    "answer",
    "fresh",
    "prepared",
    "texts_of_a_shape",
    "tokens",
]


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

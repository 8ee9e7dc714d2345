"""Parses documents in steps: graphql-core's parser, with the loops over definitions and selections
taken apart so that others have turns in between.

A document's text may be long, and everything about parsing is Python: several microseconds a token.
The lexer here finds what most tokens are (names and signs) by one regular expression. Positions of
nodes are kept for errors, tokens are not: together they hold more memory than the nodes.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, Final

from graphql import (
    DefinitionNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    Lexer,
    Location,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    Source,
    Token,
    TokenKind,
)
from graphql.language.parser import Parser, nested_too_deeply_error

if TYPE_CHECKING:
    from collections.abc import Generator

    from graphql import SelectionNode, ValueNode

__all__ = ["parse_steps"]

# Tokens between two turns: some 10 µs each. A selection with arguments has twenty of them.
TOKENS_AT_ONCE: Final = 100

_SIGNS: Final = {kind.value: kind for kind in TokenKind if not kind.value[-1].isalnum()}
# What is ignored before a token (GraphQL specification, 2.1), and the token where it is of the
# frequent sorts. Without backing up, so that it takes one look at each character.
_match_token: Final = re.compile(
    r"(?:[ \t\n\r,\ufeff]++|#[^\n\r\ud800-\udfff]*+)*+"
    r"(?:([A-Za-z_][A-Za-z0-9_]*+)|(\.\.\.|[!$&():=@\[\]{}|]))?+"
).match
_DEFINED: Final = frozenset(
    {"directive", "enum", "extend", "input", "interface", "scalar", "schema", "type", "union"}
)
# Stands in locations where a token stood.
_NO_TOKEN: Final = Token(TokenKind.SOF, 0, 0, 0, 0)


def parse_steps(
    text: str, max_tokens: int, max_values: int = sys.maxsize
) -> Generator[None, None, DocumentNode]:
    """Parse a document; yields after every few selections. Raises `GraphQLError`, for one thing
    where its literals have more values in lists and objects, though perhaps not for few more.
    """
    parser = _Parser(_Lexer(Source(text)), max_tokens, max_values)
    try:
        return (yield from parser.document())
    except RecursionError:
        pass
    raise nested_too_deeply_error(parser)


class _Lexer(Lexer):
    def lookahead(self) -> Token:
        token = self.token
        if token.next is None and token.kind is not TokenKind.EOF:
            # Linked one way only: a chain that is a cycle would wait for the collector.
            token.next = self._read(token.end)
        return token.next or token

    def _read(self, start: int) -> Token:
        found = _match_token(self.source.body, start)
        end = start if found is None else found.end()
        if found is not None and (group := found.lastindex):
            value = found[group]
            if group == 1:
                return Token(TokenKind.NAME, end - len(value), end, 0, 0, value)
            return Token(_SIGNS[value], end - len(value), end, 0, 0)
        return self.read_next_token(end)


class _Parser(Parser):
    def __init__(self, lexer: Lexer, max_tokens: int, max_values: int) -> None:
        super().__init__(lexer.source, lexer=lexer)
        self._at_most = max_tokens
        self._max_values = max_values
        self._values = 0
        self._turn_at = TOKENS_AT_ONCE

    def advance_lexer(self) -> None:
        if self._lexer.advance().kind is TokenKind.EOF:
            return
        self._token_counter += 1
        if self._token_counter > self._at_most:
            raise GraphQLError(
                f"the document has more than {self._at_most} tokens (GATEWAY_MAX_TOKENS);"
                " ask in several operations"
            )

    def parse_value_literal(self, is_const: bool) -> ValueNode:  # noqa: FBT001 - as overridden
        """A literal is parsed in one go. Each argument has a value as well, and three tokens."""
        self._values += 1
        if self._values > self._max_values + self._at_most // 3:
            raise GraphQLError(
                f"the document's literals hold more than {self._max_values} values in lists and"
                " objects (GATEWAY_MAX_VALUES); ask in several operations"
            )
        return super().parse_value_literal(is_const)

    def loc(self, start_token: Token) -> Location:
        location = Location(start_token, self._lexer.last_token, self._lexer.source)
        location.start_token = location.end_token = _NO_TOKEN
        return location

    def document(self) -> Generator[None, None, DocumentNode]:
        start = self.expect_token(TokenKind.SOF)
        definitions = [(yield from self._definition())]
        while not self.expect_optional_token(TokenKind.EOF):
            definitions.append((yield from self._definition()))
        document = DocumentNode(definitions=tuple(definitions), loc=self.loc(start))
        # As graphql-core's own parser tells it: nodes are frozen.
        object.__setattr__(document, "token_count", self.token_count)
        return document

    def _definition(self) -> Generator[None, None, DefinitionNode]:
        start = self._lexer.token
        if self.peek(TokenKind.BRACE_L):
            selected = yield from self._selection_set()
            return OperationDefinitionNode(
                operation=OperationType.QUERY,
                description=None,
                name=None,
                variable_definitions=None,
                directives=None,
                selection_set=selected,
                loc=self.loc(start),
            )
        keyword = self._lexer.lookahead() if self.peek_description() else start
        if keyword.kind is TokenKind.NAME and keyword.value in _DEFINED:
            # Types are not parsed only to be refused, and only part by part could they be.
            raise GraphQLError("the document defines types; it may hold operations and fragments")
        if keyword.kind is not TokenKind.NAME or keyword.value not in {
            *("query", "mutation", "subscription", "fragment")
        }:
            # Ends in the error for it.
            return self.parse_definition()
        description = self.parse_description()
        if self.expect_optional_keyword("fragment"):
            return FragmentDefinitionNode(
                description=description,
                name=self.parse_fragment_name(),
                variable_definitions=(),
                type_condition=self.parse_type_condition(),
                directives=self.parse_directives(False),  # noqa: FBT003 - the overridden signature
                selection_set=(yield from self._selection_set()),
                loc=self.loc(start),
            )
        return OperationDefinitionNode(
            description=description,
            operation=self.parse_operation_type(),
            name=self.parse_name() if self.peek(TokenKind.NAME) else None,
            variable_definitions=self.parse_variable_definitions(),
            directives=self.parse_directives(False),  # noqa: FBT003
            selection_set=(yield from self._selection_set()),
            loc=self.loc(start),
        )

    def _selection_set(self) -> Generator[None, None, SelectionSetNode]:
        self._enter_nesting()
        start = self.expect_token(TokenKind.BRACE_L)
        selections = []
        while not self.expect_optional_token(TokenKind.BRACE_R):
            selections.append((yield from self._selection()))
            if self._token_counter >= self._turn_at:
                self._turn_at = self._token_counter + TOKENS_AT_ONCE
                yield
        self._nesting_depth -= 1
        return SelectionSetNode(selections=tuple(selections), loc=self.loc(start))

    def _selection(self) -> Generator[None, None, SelectionNode]:
        start = self._lexer.token
        if not self.expect_optional_token(TokenKind.SPREAD):
            return (yield from self._field(start))
        has_type_condition = self.expect_optional_keyword("on")
        if not has_type_condition and self.peek(TokenKind.NAME):
            return FragmentSpreadNode(
                name=self.parse_fragment_name(),
                directives=self.parse_directives(False),  # noqa: FBT003
                loc=self.loc(start),
            )
        return InlineFragmentNode(
            type_condition=self.parse_named_type() if has_type_condition else None,
            directives=self.parse_directives(False),  # noqa: FBT003
            selection_set=(yield from self._selection_set()),
            loc=self.loc(start),
        )

    def _field(self, start: Token) -> Generator[None, None, FieldNode]:
        alias: Any = None
        name = self.parse_name()
        if self.expect_optional_token(TokenKind.COLON):
            alias, name = name, self.parse_name()
        arguments = self.parse_arguments(False)  # noqa: FBT003
        directives = self.parse_directives(False)  # noqa: FBT003
        selected = (yield from self._selection_set()) if self.peek(TokenKind.BRACE_L) else None
        return FieldNode(
            alias=alias,
            name=name,
            arguments=arguments,
            directives=directives,
            selection_set=selected,
            loc=self.loc(start),
        )

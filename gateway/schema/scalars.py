"""Custom scalars. What goes out is what the upstream sent; what comes in is checked here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NewType

import strawberry
from graphql import IntValueNode, StringValueNode, print_ast, value_from_ast_untyped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import ValueNode
    from strawberry.types.scalar import ScalarDefinition

__all__ = ["JSON", "MAX_BIG_INT", "SCALARS", "URL", "BigInt", "DateTime", "Duration", "instant"]

DateTime = NewType("DateTime", str)
Duration = NewType("Duration", float)
URL = NewType("URL", str)
BigInt = NewType("BigInt", int)
JSON = NewType("JSON", object)

# Ids and sizes are 64 bits in the upstream.
MAX_BIG_INT: Final = 2**63 - 1


def instant(text: str) -> datetime:
    """The instant that a `DateTime` names, in UTC where it names no offset; raises `ValueError`."""
    named = datetime.fromisoformat(text)
    return named if named.tzinfo is not None else named.replace(tzinfo=UTC)


def _parse_big_int(value: Any) -> int:
    """An integer, or its digits as text, for callers whose numbers end at 2^53."""
    if isinstance(value, str) and value.removeprefix("-").isascii():
        digits = value.removeprefix("-")
        number = int(value) if digits.isdigit() and len(digits) <= 19 else None
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    else:
        number = value if isinstance(value, int) and not isinstance(value, bool) else None
    if number is None or not -MAX_BIG_INT <= number <= MAX_BIG_INT:
        raise ValueError(
            f"BigInt takes an integer of at most 64 bits, or its digits: {value!r:.50}"
        )
    return number


def _parse_big_int_literal(node: ValueNode, _variables: Mapping[str, Any] | None = None) -> int:
    if isinstance(node, IntValueNode | StringValueNode):
        return _parse_big_int(node.value)
    raise ValueError(f"BigInt takes an integer, or its digits: {print_ast(node):.50}")


def _parse_url(value: Any) -> str:
    """Text that begins as an http address; whose address it may be is checked where it is used."""
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        raise ValueError(
            f"URL takes an address that begins with https:// or http://: {value!r:.50}"
        )
    return value


def _parse_url_literal(node: ValueNode, _variables: Mapping[str, Any] | None = None) -> str:
    return _parse_url(value_from_ast_untyped(node))


SCALARS: Final[Mapping[object, ScalarDefinition]] = {
    DateTime: strawberry.scalar(
        name="DateTime",
        description=(
            "Instant in RFC 3339 form. Upstream text is passed through unchanged, offset included."
        ),
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
    ),
    Duration: strawberry.scalar(
        name="Duration",
        description="Length of time in seconds; fractions allowed, e.g. 0.173.",
    ),
    URL: strawberry.scalar(
        name="URL",
        description="Absolute URL.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3986",
        parse_value=_parse_url,
        parse_literal=_parse_url_literal,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description=(
            "Integer of up to 64 bits. Sent as a JSON number; exact up to 2^53 - 1 where a caller"
            " reads numbers as doubles. Taken as a number or as a string of digits."
        ),
        parse_value=_parse_big_int,
        parse_literal=_parse_big_int_literal,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value, passed through.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
    ),
}

"""Variables: the values a request gives, as the schema types them.

graphql-core looks at each variable's definition again with every request. Where all variables are
given and are of built-in scalars or lists of them, which is nearly always, one look at each value's
class is enough; anything else (defaults, nulls, input objects, enums, numbers as text, mistakes)
goes its way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLString,
    get_nullable_type,
    is_list_type,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

from gateway.execution.inputs import ERRORS_TOLD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphql import GraphQLInputType, GraphQLSchema, OperationDefinitionNode
    from graphql.execution.get_variable_signature import GraphQLVariableSignature

__all__ = ["NO_VARIABLES", "Variables"]

NO_VARIABLES: Final = VariableValues({}, {})


def _is_int(value: Any) -> bool:
    return value.__class__ is int and -(2**31) <= value < 2**31


# What tells a value that coercion would leave as it is.
UNCHANGED: Final[Mapping[Any, Callable[[Any], bool]]] = {
    GraphQLString: lambda value: value.__class__ is str,
    GraphQLID: lambda value: value.__class__ is str,
    GraphQLInt: _is_int,
    GraphQLBoolean: lambda value: value.__class__ is bool,
    GraphQLFloat: lambda value: value.__class__ is float,
}


def _is_unchanged(type_: GraphQLInputType) -> Callable[[Any], bool] | None:
    """The test for a type's values; None where there is none."""
    inner = get_nullable_type(type_)
    if not is_list_type(inner):
        return UNCHANGED.get(inner)
    is_item_unchanged = _is_unchanged(inner.of_type)
    if is_item_unchanged is None:
        return None
    return lambda value: value.__class__ is list and all(map(is_item_unchanged, value))


class Variables:
    """The variables of one operation. Where it `hides_names`, mistakes suggest none of the schema's
    names.
    """

    __slots__ = ("_definitions", "_hides_names", "_schema", "_simple")

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        *,
        hides_names: bool = False,
    ) -> None:
        self._hides_names = hides_names
        self._schema = schema
        self._definitions = operation.variable_definitions or ()
        self._simple = self._prepare()

    def _prepare(self) -> list[tuple[GraphQLVariableSignature, Callable[[Any], bool]]] | None:
        simple = []
        for definition in self._definitions:
            signature = get_variable_signature(self._schema, definition)
            if isinstance(signature, GraphQLError):
                return None
            is_unchanged = _is_unchanged(signature.type)
            if is_unchanged is None:
                return None
            simple.append((signature, is_unchanged))
        return simple

    def values(self, given: Mapping[str, Any] | None) -> VariableValues | list[GraphQLError]:
        """The variables' values, or what is wrong with them."""
        if not self._definitions:
            return NO_VARIABLES
        if self._simple is not None and given is not None:
            sources: dict[str, VariableValueSource] = {}
            coerced: dict[str, Any] = {}
            for signature, is_unchanged in self._simple:
                value = given.get(signature.name)
                if not is_unchanged(value):
                    break
                sources[signature.name] = VariableValueSource(signature, value)
                coerced[signature.name] = value
            else:
                return VariableValues(sources, coerced)
        return get_variable_values(
            self._schema,
            self._definitions,
            dict(given or {}),
            max_errors=ERRORS_TOLD,
            hide_suggestions=self._hides_names,
        )

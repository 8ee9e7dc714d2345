"""Variables: the values a request gives, as the schema types them.

graphql-core looks at each variable's definition again with every request. Where all variables are
given and are of built-in scalars or lists of them, which is nearly always, one look at each value's
class is enough; anything else (defaults, nulls, input objects, enums, numbers as text, mistakes)
goes its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

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
    from collections.abc import Callable, Iterator

    from graphql import GraphQLInputType, GraphQLSchema, OperationDefinitionNode
    from graphql.execution.get_variable_signature import GraphQLVariableSignature

__all__ = ["NO_VARIABLES", "Variables"]

NO_VARIABLES: Final = VariableValues({}, {})


def _is_32_bit(value: int) -> bool:
    return -(2**31) <= value < 2**31


# A class, and a test that its values have to pass, if any.
Kind: TypeAlias = "tuple[type, Callable[[Any], bool] | None]"
# What tells a value that coercion would leave as it is.
UNCHANGED: Final[Mapping[Any, Kind]] = {
    GraphQLString: (str, None),
    GraphQLID: (str, None),
    GraphQLInt: (int, _is_32_bit),
    GraphQLBoolean: (bool, None),
    GraphQLFloat: (float, None),
}


def _kind_of(type_: GraphQLInputType) -> Kind | None:
    """What tells a type's values; None where nothing does."""
    inner = get_nullable_type(type_)
    if not is_list_type(inner):
        return UNCHANGED.get(inner)
    kind = _kind_of(inner.of_type)
    if kind is None:
        return None
    class_, is_fit = kind
    classes = {class_}
    if is_fit is None:
        return list, lambda values: {*map(type, values)} <= classes
    return list, lambda values: {*map(type, values)} <= classes and all(map(is_fit, values))


class _Sources(Mapping[str, VariableValueSource]):
    """Where the values of variables come from: all of them from the request. Hardly anything asks
    for that.
    """

    __slots__ = ("_given", "_signatures")

    def __init__(
        self, signatures: Mapping[str, GraphQLVariableSignature], given: Mapping[str, Any]
    ) -> None:
        self._signatures = signatures
        self._given = given

    def __getitem__(self, name: str) -> VariableValueSource:
        return VariableValueSource(self._signatures[name], self._given[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._signatures)

    def __len__(self) -> int:
        return len(self._signatures)


class Variables:
    """The variables of one operation. Where it `hides_names`, mistakes suggest none of the schema's
    names.
    """

    __slots__ = ("_definitions", "_hides_names", "_schema", "_signatures", "_simple")

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
        self._signatures: dict[str, GraphQLVariableSignature] = {}
        self._simple = self._prepare()

    def _prepare(self) -> list[tuple[str, type, Callable[[Any], bool] | None]] | None:
        simple = []
        for definition in self._definitions:
            signature = get_variable_signature(self._schema, definition)
            if isinstance(signature, GraphQLError):
                return None
            kind = _kind_of(signature.type)
            if kind is None:
                return None
            self._signatures[signature.name] = signature
            simple.append((signature.name, *kind))
        return simple

    def values(self, given: Mapping[str, Any] | None) -> VariableValues | list[GraphQLError]:
        """The variables' values, or what is wrong with them."""
        if not self._definitions:
            return NO_VARIABLES
        simple = self._simple
        if simple is not None and given is not None:
            for name, class_, is_fit in simple:
                value = given.get(name)
                if value.__class__ is not class_ or (is_fit is not None and not is_fit(value)):
                    break
            else:
                if len(given) > len(simple):
                    given = {name: given[name] for name, _, _ in simple}
                return VariableValues(_Sources(self._signatures, given), given)  # type: ignore[arg-type]  # as good as dicts
        return get_variable_values(
            self._schema,
            self._definitions,
            dict(given or {}),
            max_errors=ERRORS_TOLD,
            hide_suggestions=self._hides_names,
        )

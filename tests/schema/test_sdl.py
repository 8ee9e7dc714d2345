"""The schema as text, and what the house rules ask of every part of it."""

from collections.abc import Iterator
from inspect import signature
from pathlib import Path

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    build_schema,
    is_enum_type,
    is_input_object_type,
    is_introspection_type,
    is_non_null_type,
    is_specified_scalar_type,
)

from gateway.execution.schema import make_schema, print_sdl
from gateway.schema import ENTITY_TYPES
from gateway.schema.fields import Edge, Read, kind_of

SDL = Path(__file__).parents[2] / "schema.graphql"
SCHEMA: GraphQLSchema = make_schema()._schema


def own_types() -> Iterator[GraphQLNamedType]:
    for type_ in SCHEMA.type_map.values():
        if not is_introspection_type(type_) and not is_specified_scalar_type(type_):
            yield type_


def described_parts() -> Iterator[tuple[str, str | None]]:
    for type_ in own_types():
        yield type_.name, type_.description
        if is_enum_type(type_):
            for name, value in type_.values.items():
                yield f"{type_.name}.{name}", value.description
        for name, field in getattr(type_, "fields", {}).items():
            yield f"{type_.name}.{name}", field.description
            for argument, definition in getattr(field, "args", {}).items():
                yield f"{type_.name}.{name}({argument})", definition.description


def output_fields() -> Iterator[tuple[str, GraphQLField, Read | Edge | None]]:
    for type_ in own_types():
        if not is_input_object_type(type_):
            for name, field in getattr(type_, "fields", {}).items():
                yield f"{type_.name}.{name}", field, kind_of(field)


def test_the_file_holds_what_the_code_prints():
    assert SDL.read_text(encoding="utf-8") == print_sdl()


def test_other_programs_can_read_it():
    schema = build_schema(SDL.read_text(encoding="utf-8"))

    roots = schema.query_type, schema.mutation_type, schema.subscription_type
    assert [root.name for root in roots if root] == ["Query", "Mutation", "Subscription"]


def test_every_part_is_described_in_sentences():
    parts = dict(described_parts())

    assert [place for place, text in parts.items() if not text or not text.endswith(".")] == []
    assert len(parts) > 400


def test_every_field_is_plain_derived_or_an_edge():
    unusual = [place for place, _, kind in output_fields() if kind is None]

    # Each type makes its own id.
    assert unusual == ["PipelineItem.id", "Node.id"]


def test_what_can_cost_a_call_says_so():
    silent = [
        place
        for place, field, kind in output_fields()
        if (isinstance(kind, Edge) or (isinstance(kind, Read) and kind.needs))
        and "Cost: " not in (field.description or "")
    ]

    assert silent == []


def test_what_costs_nothing_promises_nothing():
    told = [
        place
        for place, field, kind in output_fields()
        if isinstance(kind, Read) and not kind.needs and "Cost: 1" in (field.description or "")
    ]

    assert told == []


def test_edges_are_nullable():
    non_null = [
        place
        for place, field, kind in output_fields()
        if isinstance(kind, Edge) and is_non_null_type(field.type)
    ]

    # Each of its items fails alone.
    assert non_null == ["Query.nodes", "Query.projects"]


def test_resolvers_take_parent_and_info_first():
    others = [
        place
        for place, _, kind in output_fields()
        if isinstance(kind, Edge)
        and [*signature(kind.resolve).parameters][:2] != ["parent", "info"]
    ]

    assert others == []


def test_entities_have_the_attributes_their_types_show():
    missing = []
    for entity, type_name in ENTITY_TYPES.items():
        for name, field in getattr(SCHEMA.type_map[type_name], "fields", {}).items():
            kind = kind_of(field)
            if isinstance(kind, Read) and kind.attribute:
                attribute = kind.attribute.partition(".")[0]
                known = getattr(entity, "known", 2)
                is_readable = isinstance(known, property) or kind.needs <= known
                if is_readable and not hasattr(entity, attribute):
                    missing.append(f"{entity.__name__}.{attribute} for {type_name}.{name}")

    assert missing == []

"""Documents are parsed, checked and compiled once, and kept within bounds."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from graphql import GraphQLError

from gateway.execution.documents import Documents
from gateway.execution.executor import PlannedExecutor
from gateway.execution.limits import Limits
from gateway.execution.operation import (
    FIELD_WEIGHT,
    LEAST_WEIGHT,
    PLANS_WEIGHT,
    SELECTION_WEIGHT,
    SLOT_WEIGHT,
)
from gateway.execution.plan import Plan
from gateway.execution.schema import make_schema
from gateway.execution.variables import NO_VARIABLES

if TYPE_CHECKING:
    from gateway.execution.operation import Operation

SCHEMA = make_schema(PlannedExecutor)
JOB = 'job(by: {path: {project: "1", job: "2"}})'


def documents(**options: Any) -> Documents:
    return Documents(SCHEMA, options.pop("limits", Limits()), **options)


def operation(text: str) -> Operation:
    return documents().get(text).operation(None)


def messages(text: str, **options: Any) -> list[str]:
    return [error.message for error in documents(**options).get(text).errors]


def compiled() -> int:
    return sum(isinstance(found, Plan) for found in gc.get_objects())


class TestKeeping:
    def test_a_document_is_made_once(self) -> None:
        kept = documents()

        assert kept.get("{ __typename }") is kept.get("{ __typename }")

    def test_a_refused_document_is_kept_as_well(self) -> None:
        kept = documents()

        assert kept.get("{ nothing }").errors
        assert kept.get("{ nothing }") is kept.get("{ nothing }")

    def test_a_flood_of_documents_is_bounded_by_count(self) -> None:
        kept = documents(kept=10)

        for number in range(200):
            kept.get(f"{{ k{number}: __typename }}")

        assert len(kept) == 10

    def test_a_flood_of_documents_is_bounded_by_what_they_hold(self) -> None:
        kept = documents(kept_weight=1000)

        for number in range(50):
            kept.get(f"{{ {' '.join(f'k{number}a{n}: __typename' for n in range(30))} }}")

        assert len(kept) == 1000 // (92 + LEAST_WEIGHT)
        assert kept._weight == sum(document.weight for document in kept._documents.values())

    def test_plans_count_with_their_document(self) -> None:
        kept = documents(kept_weight=2000)
        text = f"{{ {JOB} {{ {' '.join(f'a{n}: name' for n in range(40))} }} }}"
        before = kept.get(text).weight

        kept.get(text).operation(None).plan(NO_VARIABLES)

        grown = LEAST_WEIGHT + FIELD_WEIGHT * 41 + 2 * SELECTION_WEIGHT + SLOT_WEIGHT
        assert kept.get(text).weight == before + grown
        assert kept._weight == kept.get(text).weight

    def test_a_document_larger_than_all_bounds_is_answered_but_not_kept(self) -> None:
        kept = documents(kept_weight=3)

        assert kept.get("{ it: __typename }").errors == []
        assert len(kept) == 0
        assert kept._weight == 0

    def test_a_refused_document_holds_only_what_is_told_of_it(self) -> None:
        kept = documents()

        kept.get(f"{{ nothing {'__typename ' * 300} }}")

        assert kept._weight == 1

    def test_the_least_lately_used_go_first(self) -> None:
        kept = documents(kept=2)
        first = kept.get("{ a: __typename }")
        kept.get("{ b: __typename }")
        kept.get("{ a: __typename }")
        kept.get("{ c: __typename }")
        kept.get("{ c: __typename }")

        assert kept.get("{ a: __typename }") is first
        assert list(kept._documents) == ["{ c: __typename }", "{ a: __typename }"]

    def test_those_that_come_once_push_nothing_out(self) -> None:
        kept = documents(kept=2)
        used = [kept.get("{ a: __typename }"), kept.get("{ b: __typename }")]

        for number in range(20):
            assert kept.get(f"{{ k{number}: __typename }}").errors == []

        assert [kept.get("{ a: __typename }"), kept.get("{ b: __typename }")] == used

    def test_those_that_are_dropped_are_collected(self) -> None:
        """A flood of texts that come twice: each is kept, and pushed out by others."""
        kept = documents(kept=10)
        gc.collect()
        gc.disable()
        try:
            before = compiled()
            for number in range(100):
                for _ in range(2):
                    text = f"{{ k{number}: job(by: {{id: {number}}}) {{ name }} }}"
                    made = kept.get(text).operation(None)
                    made.plan(NO_VARIABLES)

            assert compiled() - before == 10
        finally:
            gc.enable()

    @pytest.mark.parametrize(
        "selected",
        [
            f"{JOB} {{ {' '.join(f'a{n}: name' for n in range(900))} }}",
            " ".join(f'a{n}: node(id: "1") {{ id }}' for n in range(100)),
            f"{JOB} {{ id name pipeline {{ id ref user {{ name }} }} commit {{ title }} }}",
        ],
    )
    def test_weight_tells_what_documents_hold_in_memory(self, selected: str) -> None:
        """So that a full store holds 50 MB at most: one of 656 texts held 2.5 GB."""
        kept = documents()
        texts = [f"query Q{number} {{ {selected} }}" for number in range(4)]
        made = [kept.get(texts[0])]
        made[0].operation(None).plan(NO_VARIABLES)
        gc.collect()
        tracemalloc.start()
        try:
            for text in texts[1:]:
                made.append(kept.get(text))
                made[-1].operation(None).plan(NO_VARIABLES)
            gc.collect()
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        weight = 0
        for document in made[1:]:
            weight += document.weight
        assert held <= 500 * weight


class TestPlans:
    def test_without_deciding_variables_there_is_one(self) -> None:
        made = operation(f"query ($n: Int!) {{ {JOB} {{ log {{ tail(lines: $n) {{ text }} }} }} }}")

        assert plan(made, n=1) is plan(made, n=2)

    def test_there_is_one_for_each_choice_of_fields(self) -> None:
        made = operation(
            f"query ($a: Boolean!, $b: Boolean!) {{ {JOB} {{ id @skip(if: $a) ...F }} }}"
            " fragment F on Job { name @include(if: $b) }"
        )

        plans = {(a, b): plan(made, a=a, b=b) for a in (True, False) for b in (True, False)}

        assert len(set(map(id, plans.values()))) == 4
        assert all(plan(made, a=a, b=b) is known for (a, b), known in plans.items())

    def test_many_choices_are_not_all_kept(self) -> None:
        names = [f"v{number}" for number in range(8)]
        made = operation(
            f"query ({' '.join(f'${name}: Boolean!' for name in names)}) {{ {JOB} {{"
            f" {' '.join(f'{name}: id @skip(if: ${name})' for name in names)}"
            f" {' '.join(f'a{number}: id' for number in range(30))} }} }}"
        )

        for number in range(2 ** len(names)):
            plan(made, **{name: bool(number >> bit & 1) for bit, name in enumerate(names)})

        assert 100 < len(made._plans) < 2 ** len(names)
        assert PLANS_WEIGHT // 2 < made._weight <= PLANS_WEIGHT

    def test_all_choices_of_five_variables_are_kept(self) -> None:
        names = [f"v{number}" for number in range(5)]
        made = operation(
            f"query ({' '.join(f'${name}: Boolean!' for name in names)}) {{ {JOB} {{"
            f" {' '.join(f'{name}: id @skip(if: ${name})' for name in names)}"
            f" {' '.join(f'a{number}: id' for number in range(90))} }} }}"
        )
        choices = [
            {name: bool(number >> bit & 1) for bit, name in enumerate(names)}
            for number in range(2 ** len(names))
        ]

        plans = [plan(made, **choice) for choice in choices]

        assert all(
            plan(made, **choice) is known for choice, known in zip(choices, plans, strict=True)
        )

    def test_those_that_are_dropped_are_collected(self) -> None:
        names = [f"v{number}" for number in range(8)]
        text = (
            f"query ({' '.join(f'${name}: Boolean!' for name in names)}) {{ {JOB} {{"
            f" {' '.join(f'{name}: id @skip(if: ${name})' for name in names)} }} }}"
        )
        kept = documents(kept=20)
        made = kept.get(text).operation(None)
        gc.collect()
        gc.disable()
        try:
            before = compiled()
            for number in range(2 ** len(names)):
                plan(made, **{name: bool(number >> bit & 1) for bit, name in enumerate(names)})

            assert compiled() - before == len(made._plans)
        finally:
            gc.enable()

    def test_fragments_that_only_spread_each_other_cost_no_places(self) -> None:
        """One field, spread five hundred times by way of nine fragments."""
        chain = " ".join(f"fragment F{n} on Job {{ ...F{n + 1} ...F{n + 1} }}" for n in range(9))
        made = operation(f"{{ {JOB} {{ ...F0 }} }} {chain} fragment F9 on Job {{ name }}")

        assert len(plan(made).selections) == 2

    def test_have_the_fields_of_an_interface_once_for_each_type(self) -> None:
        text = '{ a: node(id: "1") { id } b: node(id: "2") { id } }'
        fields = operation(text).plan(NO_VARIABLES).fields

        too_large = documents(limits=Limits(plan_fields=fields - 1)).get(text).operation(None)

        assert fields > 2 * 5
        with pytest.raises(GraphQLError, match=rf"more than {fields - 1} fields.*MAX_PLAN_FIELDS"):
            too_large.plan(NO_VARIABLES)


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "Syntax Error: Unexpected <EOF>."),
            ("{", "Syntax Error: Expected Name, found <EOF>."),
            ("{ nothing }", "Cannot query field 'nothing' on type 'Query'."),
            ("fragment F on Job { id }", "Fragment 'F' is never used."),
            (
                "{ job(by: {}) { id } }",
                (
                    "OneOf Input Object 'JobRef' must specify exactly one key. Name a job so:"
                    ' {path: {project: "group/app", job: 8}}, {id: …} or {webUrl: …}'
                ),
            ),
            (
                "query ($id: ID) { job(by: {id: $id}) { id } }",
                "Variable 'id' must be non-nullable to be used for OneOf Input Object 'JobRef'.",
            ),
        ],
    )
    def test_say_what_is_wrong(self, text: str, message: str) -> None:
        assert messages(text) == [message]

    def test_tokens_are_counted_before_anything_is_made_of_them(self) -> None:
        assert messages("{ a b c }", limits=Limits(tokens=4)) == [
            "the document has more than 4 tokens (GATEWAY_MAX_TOKENS); ask in several operations"
        ]

    def test_nesting_deeper_than_the_stack_is_refused(self) -> None:
        text = "{ a " * 2900 + "}" * 2900

        assert messages(text) == ["Syntax Error: Document is nested too deeply. Parsing aborted."]

    @pytest.mark.parametrize("count", [450, 1200])
    def test_a_chain_of_fragments_deeper_than_the_stack_is_refused(self, count: int) -> None:
        chain = " ".join(f"fragment F{n} on Job {{ ...F{n + 1} }}" for n in range(count))

        assert (
            len(messages(f"{{ {JOB} {{ ...F0 }} }} {chain} fragment F{count} on Job {{ id }}")) == 1
        )

    def test_introspection_can_be_off(self) -> None:
        assert messages("{ __schema { queryType { name } } }", introspection=False) != []
        assert messages("{ __typename }", introspection=False) == []

    def test_what_exceeds_a_limit_is_not_validated(self) -> None:
        assert messages("{ nothing { at { all } } }", limits=Limits(depth=2)) == [
            (
                "the document is 3 levels deep, 2 are allowed (GATEWAY_MAX_DEPTH);"
                " ask in several operations"
            )
        ]


class TestOperations:
    TEXT = "query A { __typename } query B { __typename }"

    def test_are_chosen_by_name(self) -> None:
        assert documents().get(self.TEXT).operation("B").name == "B"

    @pytest.mark.parametrize("name", [None, ""])
    def test_several_need_a_name(self, name: str | None) -> None:
        with pytest.raises(GraphQLError, match="Must provide operation name"):
            documents().get(self.TEXT).operation(name)

    def test_an_unknown_name_is_refused(self) -> None:
        with pytest.raises(GraphQLError, match="Unknown operation named 'C'"):
            documents().get(self.TEXT).operation("C")

    def test_the_only_one_needs_no_name(self) -> None:
        assert documents().get("query A { __typename }").operation(None).name == "A"


def plan(made: Operation, **given: Any) -> Any:
    variables = made.variables(given)
    assert not isinstance(variables, list)
    return made.plan(variables)

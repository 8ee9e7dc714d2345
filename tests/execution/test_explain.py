"""What the gateway makes of a document, for people."""

from __future__ import annotations

import re

import pytest

from gateway.errors import BadInput
from gateway.execution import compiler
from gateway.execution.explain import explain

QUERY = """query Q($n: Int!) {
  project(id: "1") { jobs(first: $n) { nodes {
    name state: status pipeline { ref duration } log { byteCount } } } }
  node(id: "x") { id ... on Job { name } }
  __schema { queryType { name } }
}"""


def test_each_field_is_told_with_its_way() -> None:
    shown = explain(QUERY)

    assert shown.startswith("query Q\n")
    for line in (
        "project: Project  [edge]",
        "nodes: [Job]!  [compiled]",
        "state: Status  [compiled]",
        "pipeline: Pipeline  [compiled, hydrated where less is known]",
        "on Job",
        "__schema: __Schema!  [reference, completed by the reference]",
    ):
        assert line in [line.strip() for line in shown.splitlines()], line


def test_fields_stand_below_what_they_are_fields_of() -> None:
    lines = explain("{ currentJob { user { name } } }").splitlines()

    assert lines[2:5] == [
        "  currentJob: Job  [edge]",
        "    user: User  [compiled]",
        "      name: String  [compiled]",
    ]


def test_the_generated_functions_are_shown() -> None:
    shown = explain("{ currentJob { name it: stage } }")

    assert "def s0(s): return {'name': s.name, 'it': s.stage}  # Job" in shown


def test_the_cost_at_worst_is_told() -> None:
    assert "upstream calls at worst: 1\n" in explain("{ currentJob { name } }")


def test_a_cost_that_needs_variables_says_which_and_how_to_give_them() -> None:
    shown = explain(
        """query ($ids: [ID!]!, $project: ID!, $n: Int = 3, $after: String) {
        nodes(ids: $ids) { id } project(id: $project) {
        jobs(first: $n, after: $after) { nodes { name } } } }"""
    )

    assert shown.splitlines()[1] == (
        "upstream calls at worst: not known without values for $ids: [ID!]!, $project: ID!;"
        """ give them: --variables '{"ids": …, "project": …}'"""
    )


def test_each_operation_is_told() -> None:
    shown = explain("query A { __typename } mutation B { __typename }")

    assert "query A\n" in shown
    assert "mutation B\n" in shown


def test_all_that_is_wrong_is_told() -> None:
    with pytest.raises(
        BadInput, match=r":1:3: Cannot query field 'a'.*\ndocument:1:5: Cannot query"
    ):
        explain("{ a b }")


def test_the_compilers_own_example_is_what_it_writes() -> None:
    """Its module opens with a selection and the code for it: both are true to the letter."""
    _, query, rest = (compiler.__doc__ or "").split("`", 2)
    code = rest[rest.index("    def s1") : rest.index("So: one function")]

    shown = squeezed(explain(query))

    statements = [squeezed(part) for part in re.split(r"\n +(?=def |r = |q\[|return r)", code)]
    assert len(statements) == 8
    for statement in statements:
        assert statement in shown, statement


def squeezed(text: str) -> str:
    """Line ends do not count."""
    return " ".join(text.split())


def test_variables_decide_on_the_cost_and_the_fields() -> None:
    text = """query ($n: Int!, $deep: Boolean = false) { project(id: 1) { jobs(first: $n) {
      nodes { pipeline @include(if: $deep) { jobs { nodes { name } } } } } } }"""

    assert "upstream calls at worst: 1\n" in explain(text, {"n": 3})
    assert "upstream calls at worst: 4\n" in explain(text, {"n": 3, "deep": True})


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, r"\$n"),
        ({"n": "three"}, r"three"),
        ({"n": 1, "m": 2, "k": 3}, r"declares no variable \$k, \$m; it has \$n"),
    ],
)
def test_variables_that_do_not_fit_are_told(variables: dict[str, object], message: str) -> None:
    text = "query ($n: Int!) { project(id: 1) { jobs(first: $n) { nodes { name } } } }"

    with pytest.raises(BadInput, match=message):
        explain(text, variables)

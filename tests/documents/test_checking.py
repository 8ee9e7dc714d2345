"""`jobs-gateway documents check`, and what a change of the schema breaks."""

import json
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    BreakingChangeType,
    build_schema,
    find_breaking_changes,
    is_scalar_type,
    print_schema,
)

from gateway.cli import main
from gateway.errors import BadInput
from gateway.execution.changes import breaking_changes, coordinate_of
from gateway.execution.checking import Bounds, check_documents
from gateway.execution.documents import Documents
from gateway.execution.executor import PlannedExecutor
from gateway.execution.limits import Limits
from gateway.execution.manifests import read_documents
from gateway.execution.schema import make_schema, print_sdl
from gateway.execution.worst import SCALARS, worst_of
from tests.documents.conftest import CANCEL, digest

SCHEMA = make_schema(PlannedExecutor)
BOUNDS = Bounds(250, 10, 250_000, 500)
PIPELINE = "pipeline(by: {id: 1})"
PROJECT = "project(id: 1)"
LOG = "log { lineCount }"


def worst(text):
    documents = Documents(SCHEMA, Limits())
    document = documents.get(text)
    assert not document.errors, document.errors
    return worst_of(document.operation(None), documents.schema, 500)


@pytest.mark.parametrize(
    ("calls", "text"),
    [
        (0, "{ __typename }"),
        (1, 'query ($n: Int) { project(id: "1") { jobs(first: $n) { nodes { name } } } }'),
        (101, "query ($n: Int) { %s { jobs(first: $n) { nodes { %s } } } }" % (PROJECT, LOG)),
        (21, "{ %s { jobs { nodes { %s } } } }" % (PROJECT, LOG)),
        # The page of the greatest size, whatever the default.
        (101, "query ($n: Int = 1) { %s { jobs(first: $n) { nodes { %s } } } }" % (PROJECT, LOG)),
        # A page after a cursor, and one from the end.
        (2, 'query ($a: String) { project(id: "1") { jobs(after: $a) { nodes { name } } } }'),
        (3, 'query ($n: Int) { project(id: "1") { jobs(last: $n) { nodes { name } } } }'),
        # What is selected only if a variable says so.
        (2, "query ($b: Boolean!) { %s { ref jobs @include(if: $b) { scanned } } }" % PIPELINE),
        (2, "query ($b: Boolean!) { %s { ref jobs @skip(if: $b) { scanned } } }" % PIPELINE),
        # Either way to choose is cheaper than what both could be.
        (
            3,
            "query ($b: Boolean!) { %s { jobs @include(if: $b) { nodes { id } }"
            " bridges(last: 1) @skip(if: $b) { nodes { id } } } }" % PIPELINE,
        ),
        (1, "query ($job: JobRef!) { job(by: $job) { name } }"),
        (2, "query ($job: JobRef!) { job(by: $job) { log { lineCount } } }"),
        # An id may be that of a log.
        (2, "query ($id: ID!) { node(id: $id) { id } }"),
        (2, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"),
        # Of a pipeline rather than of one job.
        (118, "mutation ($i: JobBatchInput!) { jobBatch(input: $i) { results { __typename } } }"),
        (2, "mutation ($i: JobCancelInput!) { jobCancel(input: $i) { userErrors { code } } }"),
        (
            101,
            "query ($f: JobFilter, $s: Int!) { %s { jobs(filter: $f, scanLimit: $s) { scanned } } }"
            % PROJECT,
        ),
    ],
)
def test_the_worst_of_all_variables_is_found(calls, text):
    assert worst(text).calls == calls


def test_each_scalar_that_an_input_may_be_has_a_value():
    scalars = {name for name, type_ in SCHEMA._schema.type_map.items() if is_scalar_type(type_)}

    assert scalars - {"Int"} <= SCALARS.keys()


def test_every_operation_of_the_schema_can_be_estimated():
    roots = (SCHEMA._schema.query_type, SCHEMA._schema.mutation_type)
    for kind, root in zip(("query", "mutation"), roots, strict=True):
        for name, field in root.fields.items():
            declared = ", ".join(f"$a{n}: {arg.type}" for n, arg in enumerate(field.args.values()))
            given = ", ".join(f"{arg}: $a{n}" for n, arg in enumerate(field.args))
            head = f"{kind} ({declared})" if declared else kind
            call = f"{name}({given})" if given else name

            assert worst(f"{head} {{ {call} {{ __typename }} }}") is not None, name


class TestReport:
    def test_one_line_for_each_operation(self, folder):
        (folder / "Two.graphql").write_text("query A { __typename } query B { a: __typename }")
        (folder / "parts.graphql").write_text("fragment Parts on Job { id name log { lineCount } }")
        (folder / "Many.graphql").write_text("query Many($ids: [ID!]!) { nodes(ids: $ids) { id } }")

        lines, mistakes = check_documents(Documents(SCHEMA, Limits()), folder, BOUNDS)

        told = {line[27:].split("  ")[0]: line.split()[:3] for line in lines if line[6].isdigit()}
        assert mistakes == []
        assert lines[0].split() == ["calls", "depth", "fields", "operation"]
        assert told["query Jobs"] == ["101", "5", "502"]
        assert told["mutation Cancel"] == ["2", "3", "3"]
        assert told["subscription Watch"] == ["0", "2", "2"]
        assert told.keys() >= {"query A", "query B"}
        assert f"{' ' * 27}with one item in $ids" in lines
        assert sum(digest(CANCEL) in line for line in lines) == 1

    def test_what_is_deprecated_is_told_and_fails_where_that_is_asked(self, tmp_path):
        schema = make_schema(PlannedExecutor)
        job: Any = schema._schema.type_map["Job"]
        job.fields["name"].deprecation_reason = "use title"
        (tmp_path / "Job.graphql").write_text("query A { job(by: {id: 1}) { a: name b: name } }")
        documents = Documents(schema, Limits())

        lines, mistakes = check_documents(documents, tmp_path, BOUNDS)
        _, strict = check_documents(documents, tmp_path, BOUNDS, strict=True)

        told = "The field Job.name is deprecated. use title"
        assert lines[2:] == [f"{' ' * 27}deprecated: {told}"]
        assert mistakes == []
        assert strict == [f"{tmp_path}/Job.graphql: {told}"]

    @pytest.mark.parametrize(
        ("bounds", "told"),
        [
            (BOUNDS._replace(calls=0), "2 upstream calls; 0 are allowed (GATEWAY_MAX_CALLS)"),
            (
                BOUNDS._replace(nodes=2),
                "3 fields; 2 are allowed (GATEWAY_MAX_RESPONSE_NODES); most of them at jobCancel",
            ),
        ],
    )
    def test_what_is_over_the_limits_is_told(self, tmp_path, bounds, told):
        (tmp_path / "Cancel.graphql").write_text(CANCEL)

        _, (mistake,) = check_documents(Documents(SCHEMA, Limits()), tmp_path, bounds)

        assert mistake.startswith(f"{tmp_path}/Cancel.graphql: mutation Cancel: ")
        assert told in mistake

    def test_an_event_may_need_fewer_calls(self, tmp_path):
        (tmp_path / "Watch.graphql").write_text(
            'subscription { jobUpdated(job: {path: {project: "1", job: "8"}})'
            " { pipeline { jobs { nodes { log { lineCount } } } } } }"
        )

        _, (mistake,) = check_documents(Documents(SCHEMA, Limits()), tmp_path, BOUNDS)

        assert "upstream calls for one event; 10 are allowed (GATEWAY_MAX_EVENT_CALLS)" in mistake


class TestCommand:
    def test_it_passes_and_fails(self, folder, capsys, monkeypatch):
        passed = main(["documents", "check", str(folder)])
        report = capsys.readouterr()
        monkeypatch.setenv("GATEWAY_MAX_CALLS", "1")
        over = main(["documents", "check", str(folder)])
        over_told = capsys.readouterr().err
        (folder / "Bad.graphql").write_text("{ nothing }")
        bad = main(["documents", "check", str(folder)])
        bad_told = capsys.readouterr()
        (folder / "Bad.graphql").write_text("{")
        broken = main(["documents", "check", str(folder)])

        assert (passed, over, bad, broken) == (0, 1, 1, 1)
        assert (report.err, len(report.out.splitlines())) == ("", 7)
        assert "mutation Cancel: it may need 2 upstream calls" in over_told
        assert f"{folder}/Bad.graphql:1:3: Cannot query field 'nothing'" in bad_told.err
        # The others are told all the same.
        assert len(bad_told.out.splitlines()) == 7

    def test_what_is_not_there_is_told(self, tmp_path, capsys):
        assert main(["documents", "check", str(tmp_path / "none")]) == 1
        assert "is neither a file nor a folder" in capsys.readouterr().err


# Each kind of breaking change, in schemas from before and after.
BEFORE = """
directive @d(a: Int, b: Int) repeatable on FIELD | QUERY
directive @gone on FIELD
type Query { f(a: Int, x: Int): T g: Gone u: U e(v: E): E i(i: In): I n: Int! s: Float }
interface I { f: Int }
type T implements I { f: Int }
type Gone { a: Int }
type T2 { a: Int }
union U = T | T2
enum E { A B }
input In { a: Int b: Int }
scalar K
type KK { k: K }
"""
AFTER = """
directive @d(a: Int!, c: Int!) on FIELD
type Query { f(a: String, y: Int!): T u: U e(v: E): E i(i: In): I n: Int s: Int }
interface I { f: Int }
type T { f: Int }
type T2 { a: Int }
union U = T
enum E { A }
input In { a: String c: Int! }
type K { a: Int }
type KK { k: K }
"""


def test_each_kind_of_breaking_change_names_what_it_breaks():
    changes = find_breaking_changes(build_schema(BEFORE), build_schema(AFTER))

    told = {(change.type, coordinate_of(change.type, change.description)) for change in changes}

    assert {kind for kind, _ in told} == set(BreakingChangeType)
    assert {coordinate for _, coordinate in told} == {
        *("Gone", "Query.g", "Query.f(x:)", "Query.f(a:)", "Query.f", "Query.n", "Query.s", "T"),
        *("U", "E.B", "In", "In.b", "In.a", "K", "Float", "@gone", "@d"),
    }


ITEM = "interface PipelineItem implements Node {"
JOB = "type Job implements PipelineItem & Node {"
BRIDGE = "type Bridge implements PipelineItem & Node {"


def old_schema(*replaced):
    text = print_sdl()
    for new, old in replaced:
        assert new in text
        text = text.replace(new, old, 1)
    return text


def without_flaky():
    schema = build_schema(print_sdl())
    job: Any = schema.type_map["Job"]
    del job.fields["flaky"]
    return print_schema(schema)


class TestChanges:
    @pytest.fixture
    def written(self, folder):
        return read_documents(folder)

    def test_without_any_there_are_none(self, written):
        assert breaking_changes(print_sdl(), written) == []

    def test_what_is_added_breaks_nobody(self, written):
        assert breaking_changes(without_flaky(), written) == []

    def test_one_that_is_selected_by_an_interface_hits_as_well(self, tmp_path):
        (tmp_path / "a.graphql").write_text("{ node(id: 1) { ... on PipelineItem { old } } }")
        (tmp_path / "b.graphql").write_text("{ node(id: 1) { ... on Bridge { old } } }")
        old = old_schema(*((head, f"{head}\n  old: Int") for head in (ITEM, JOB, BRIDGE)))

        found = dict(breaking_changes(old, read_documents(tmp_path)))

        assert {c: [Path(p).name for p in hit] for c, hit in found.items()} == {
            "Field Bridge.old was removed.": ["a.graphql", "b.graphql"],
            "Field Job.old was removed.": ["a.graphql"],
            "Field PipelineItem.old was removed.": ["a.graphql"],
        }

    def test_an_input_within_the_input_of_a_variable_is_used_too(self, tmp_path):
        (tmp_path / "a.graphql").write_text(
            "mutation ($i: JobBatchInput!) { jobBatch(input: $i) { __typename } }"
        )
        old = old_schema(("input JobPath {", "input JobPath {\n  old: Int"))

        ((_, hit),) = breaking_changes(old, read_documents(tmp_path))

        assert [Path(place).name for place in hit] == ["a.graphql"]

    def test_what_is_no_schema_is_told(self):
        with pytest.raises(BadInput, match="no schema"):
            breaking_changes("type Query {")


class TestSchemaCommand:
    @pytest.fixture
    def old(self, tmp_path):
        path = tmp_path / "old.graphql"
        path.write_text(old_schema((JOB, f"{JOB}\n  old: Int")))
        return path

    def test_differences_and_breaking_changes_are_told(self, old, capsys):
        status = main(["schema", "--check", str(old)])

        told = capsys.readouterr().out
        assert status == 1
        assert "-  old: Int" in told
        assert told.endswith("breaking: Field Job.old was removed.\n")

    def test_whom_they_hit_is_told(self, old, tmp_path, capsys):
        manifest = tmp_path / "app.json"
        manifest.write_text(
            json.dumps({"a": "{ job(by: {id: 1}) { old } }", "b": "{ job(by: {id: 1}) { id } }"})
        )
        options = ["schema", "--check", str(old), "--breaking", "--documents", str(manifest)]

        status = main(options)

        assert status == 1
        assert capsys.readouterr().out == (
            f"breaking: Field Job.old was removed.\n    hits {manifest}: document a\n"
        )

    def test_that_nothing_is_hit_is_told(self, old, folder, capsys):
        main(["schema", "--check", str(old), "--breaking", "--documents", str(folder)])

        assert "    hits none of the trusted documents\n" in capsys.readouterr().out

    def test_where_nothing_breaks_additions_pass(self, tmp_path, capsys):
        path = tmp_path / "old.graphql"
        path.write_text(without_flaky())

        differs = main(["schema", "--check", str(path)])
        capsys.readouterr()
        breaks = main(["schema", "--check", str(path), "--breaking"])

        assert (differs, breaks) == (1, 0)
        assert capsys.readouterr().out == ""

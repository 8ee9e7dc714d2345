"""Files of trusted documents: what is read of them, and what is told of bad ones."""

import json
import os
from hashlib import sha256
from textwrap import dedent

import pytest

from gateway.execution import manifests
from gateway.execution.manifests import BadDocuments, read_documents

JOB = "query Job { job(by: {id: 1}) { id } }"
HASH = sha256(JOB.encode()).hexdigest()
APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [{"id": HASH, "name": "Job", "type": "query", "body": JOB}],
}
RELAY = {"0d2f9ece5d8a983948a0d24e5257236e": JOB}
CODEGEN = {f"sha256:{HASH}": JOB}


@pytest.fixture
def write(tmp_path):
    """Writes files below a folder; gives it."""

    def write(**files):
        for name, content in files.items():
            path = tmp_path / name.replace("__", "/").replace("_json", ".json")
            if "." not in path.name:
                path = path.with_suffix(".graphql")
            path.parent.mkdir(exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                text = content if isinstance(content, str) else json.dumps(content)
                path.write_text(dedent(text), encoding="utf-8")
        return tmp_path

    return write


def texts(path):
    return {one.id: one.text for one in read_documents(path)}


def mistakes(path):
    with pytest.raises(BadDocuments) as raised:
        read_documents(path)
    return [mistake.replace(f"{path}/", "") for mistake in raised.value.mistakes]


@pytest.mark.parametrize("manifest", [APOLLO, RELAY, CODEGEN])
def test_a_manifest_of_each_kind_is_read(write, manifest):
    folder = write(app_json=manifest)

    (found,) = texts(folder / "app.json").items()

    assert found[1] == JOB
    assert found[0] in {HASH, *RELAY, *CODEGEN}


def test_a_folder_of_documents_and_manifests_is_read(write):
    folder = write(Job=JOB, app_json=RELAY, more__site_json=APOLLO, more__Other="{ __typename }")

    assert texts(folder).keys() == {"Job", *RELAY, HASH, "Other"}


def test_one_file_is_a_document(write):
    assert texts(write(Job=JOB) / "Job.graphql") == {"Job": JOB}


def test_the_same_document_of_several_manifests_counts_once(write):
    folder = write(old_json=RELAY, new_json={**RELAY, "other": "{ __typename }"})

    assert len(read_documents(folder)) == 2


def test_a_byte_order_mark_belongs_to_no_document(write):
    folder = write(Job=JOB.encode("utf-8-sig"), app_json=json.dumps(CODEGEN).encode("utf-8-sig"))

    assert set(texts(folder).values()) == {JOB}


def test_files_that_are_hidden_or_something_else_are_passed_over(write):
    folder = write(Job=JOB)
    (folder / ".hidden.graphql").write_text("{ bad")
    (folder / "README.md").write_text("# Documents")
    (folder / ".git").mkdir()
    (folder / ".git" / "x.json").write_text("{")

    assert texts(folder) == {"Job": JOB}


def test_a_mounted_config_map_is_read_once(write):
    folder = write(**{"..2026__Job": JOB})
    (folder / "..data").symlink_to("..2026")
    (folder / "Job.graphql").symlink_to("..data/Job.graphql")

    assert texts(folder) == {"Job": JOB}


class TestFragmentsOfOtherFiles:
    def test_what_a_document_spreads_stands_after_it_and_nothing_else(self, write):
        folder = write(
            Job="query Job { job(by: {id: 1}) { ...Parts } }",
            parts="""\
                # what jobs show
                fragment Unused on Job { id }
                fragment Parts on Job { id ...Deep }
                """,
            deep__more="fragment Deep on Job { name }",
        )

        assert texts(folder) == {
            "Job": "query Job { job(by: {id: 1}) { ...Parts } }\n"
            "fragment Parts on Job { id ...Deep }\n"
            "fragment Deep on Job { name }"
        }

    def test_a_place_in_one_is_that_of_its_file(self, write):
        folder = write(
            Job="query Job {\n  job(by: {id: 1}) { ...Parts }\n}\n",
            parts="# one\n# two\nfragment Parts on Job {\n  id\n  wrong\n}",
        )

        (one,) = read_documents(folder)

        assert one.text.splitlines()[6] == "  wrong"
        assert one.place(7, 3) == f"{folder}/parts.graphql:5:3"
        assert one.place(2, 5) == f"{folder}/Job.graphql:2:5"
        assert one.place() == f"{folder}/Job.graphql"

    def test_its_own_come_first(self, write):
        own = "{ job(by: {id: 1}) { ...Parts } } fragment Parts on Job { id }"
        folder = write(Job=own, parts="fragment Parts on Job { name }")

        assert texts(folder) == {"Job": own}

    def test_and_then_those_of_the_file_that_spreads_them(self, write):
        folder = write(
            Job="{ job(by: {id: 1}) { ...Parts } }",
            a="fragment Parts on Job { ...Deep } fragment Deep on Job { id }",
            b="fragment Deep on Job { name }",
        )

        assert "name" not in texts(folder)["Job"]

    def test_one_of_two_files_is_a_mistake(self, write):
        folder = write(
            Job="{ job(by: {id: 1}) { ...Parts } }",
            a="fragment Parts on Job { id }",
            b="fragment Parts on Job { name }",
        )

        assert mistakes(folder) == [
            "Job.graphql: the fragment Parts is defined by a.graphql and b.graphql"
        ]

    def test_they_may_spread_each_other(self, write):
        folder = write(
            Job="{ job(by: {id: 1}) { ...A } }",
            a="fragment A on Job { ...B }",
            b="fragment B on Job { ...A }",
        )

        assert texts(folder)["Job"].count("fragment") == 2


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, ["holds no documents: no .gql, .graphql or .json"]),
        ({"parts": "fragment Parts on Job { id }"}, ["holds no documents"]),
        ({"Job": "query Job {\n  job(\n"}, ["Job.graphql:3:1: Syntax Error: Expected Name"]),
        ({"Job": b"{ \xff }"}, ["Job.graphql is not in UTF-8"]),
        ({"my job": JOB}, ["my job.graphql: its name is to be a document's id"]),
        ({"Job": JOB, "more__Job": "{ __typename }"}, ["another document has this id"]),
        ({"app_json": "{"}, ["app.json:1:2: no JSON: Expecting property name"]),
        ({"app_json": "[" * 100_000}, ["app.json is nested too deeply"]),
        ({"app_json": "[]"}, ["app.json is no manifest: it must be a JSON object"]),
        ({"app_json": {"id": 1}}, ["'id' needs an id and a document, both texts"]),
        ({"app_json": {"": JOB}}, ["'' is no id of a document"]),
        ({"app_json": {"a b": JOB}}, ["'a b' is no id of a document"]),
        ({"app_json": {"x" * 201: JOB}}, ["is no id of a document"]),
        (
            {"app_json": '{"a": "{ __typename }", "a": "{ other: __typename }"}'},
            ["app.json: document a: another document has this id: "],
        ),
        ({"app_json": {f"sha256:{HASH}": "{ id }"}}, ["the id is not the document's hash, which"]),
        (
            {"app_json": {**APOLLO, "version": 2}},
            ["its format is 'apollo-persisted-query-manifest'"],
        ),
        ({"app_json": {"version": 2, "operations": []}}, ["its format is None, version 2"]),
        ({"app_json": {**APOLLO, "operations": {}}}, ["operations must be a list"]),
        (
            {"app_json": {**APOLLO, "operations": [1, {"id": "a"}]}},
            ["'operations[0]' needs an id", "'operations[1]' needs an id"],
        ),
        (
            {"a": "{", "b": "}", "c_json": "1"},
            ["c.json is no manifest", "a.graphql:1:2", "b.graphq"],
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_file_and_place(write, files, told):
    found = mistakes(write(**files))

    assert len(found) == len(told)
    for mistake, part in zip(found, told, strict=True):
        assert part in mistake


class TestLinks:
    def test_one_out_of_the_folder_is_a_mistake(self, write, tmp_path_factory):
        elsewhere = tmp_path_factory.mktemp("elsewhere") / "Other.graphql"
        elsewhere.write_text(JOB)
        folder = write(Job=JOB)
        (folder / "Other.graphql").symlink_to(elsewhere)

        assert mistakes(folder) == [
            "Other.graphql is a link out of the folder; put the file itself there"
        ]

    def test_one_to_a_folder_or_to_nothing_is_a_mistake(self, write):
        folder = write(more__Job=JOB)
        (folder / "again").symlink_to("more")
        (folder / "gone.json").symlink_to("nowhere")

        assert mistakes(folder) == [
            "again is a link to a folder, which is not followed",
            "gone.json is a link to nothing",
        ]

    def test_a_pipe_is_not_waited_for(self, write):
        folder = write(Job=JOB)
        os.mkfifo(folder / "pipe.json")

        assert mistakes(folder) == ["pipe.json is no file"]


def test_a_schema_that_lies_beside_them_is_passed_over(write):
    folder = write(Job=JOB, schema="type Query { a: Int }")

    assert texts(folder) == {"Job": JOB}


def test_what_is_not_there_is_told(tmp_path):
    assert mistakes(tmp_path / "none") == [f"{tmp_path / 'none'} is neither a file nor a folder"]


def test_a_file_that_is_too_large_is_not_read(write, monkeypatch):
    monkeypatch.setattr(manifests, "MAX_FILE_BYTES", 20)

    assert mistakes(write(Job=JOB)) == ["Job.graphql has more than 20 bytes"]

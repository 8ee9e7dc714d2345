"""docs/clients.md, its section on trusted documents: the manifests that the tools write are given
to a gateway as they are, and each client asks for nothing but ids.
"""

from __future__ import annotations

import json
import shutil

import pytest

from gateway.execution.manifests import read_documents
from gateway.testing.server import serve
from tests.clients.conftest import run
from tests.harness.app import program

pytestmark = pytest.mark.node

MANIFESTS = (
    "persisted-query-manifest.json",
    "src/gql/persisted-documents.json",
    "relay-documents.json",
)


@pytest.fixture(scope="module")
def project(front_end, tmp_path_factory):
    """A front end like the others', whose manifests are made, and the driver bundled."""
    folder = tmp_path_factory.mktemp("trusted") / "front_end"
    # As it was before code was generated.
    made = shutil.ignore_patterns("node_modules", "built", "gql", "__generated__")
    shutil.copytree(front_end, folder, ignore=made)
    (folder / "node_modules").symlink_to(front_end / "node_modules")
    relay = json.loads((folder / "relay.config.json").read_text())
    relay["persistConfig"] = {"file": "./relay-documents.json"}
    (folder / "relay.config.json").write_text(json.dumps(relay))
    (folder / "relay-documents.json").write_text("{}")
    generator = "node_modules/.bin/generate-persisted-query-manifest"
    run(folder, generator, "--config", "persisted-query-manifest.config.mjs")
    run(folder, "node_modules/.bin/graphql-codegen", "--config", "codegen.trusted.ts")
    run(folder, "node_modules/.bin/relay-compiler")
    run(folder, "node", "build.mjs", "drive_trusted.ts")
    return folder


@pytest.fixture(scope="module")
def documents(project, tmp_path_factory):
    """The manifests, as the gateway is given them."""
    folder = tmp_path_factory.mktemp("documents")
    for name in MANIFESTS:
        shutil.copy(project / name, folder)
    return folder


@pytest.fixture(scope="module")
def found(project, documents):
    """What the driver found over a gateway that runs nothing else."""
    with serve() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEWAY_TRUSTED_DOCUMENTS", str(documents))
        patch.setenv("GATEWAY_DOCUMENTS", "only")
        with program(server.url) as url:
            seen = {"GATEWAY_URL": url, "GATEWAY_TOKENS": json.dumps(dict(server.tokens))}
            done = run(project, "node", "built/drive_trusted.mjs", **seen)
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_each_tools_manifest_is_read(documents):
    counts = {
        name.rpartition("/")[2]: len(read_documents(documents / name.rpartition("/")[2]))
        for name in MANIFESTS
    }

    assert counts == {
        "persisted-query-manifest.json": 4,
        "persisted-documents.json": 4,
        "relay-documents.json": 10,
    }


def test_the_code_has_no_type_errors(project):
    config = json.loads((project / "tsconfig.json").read_text())
    config["include"].append("trusted")
    (project / "tsconfig.trusted.json").write_text(json.dumps(config))

    run(project, "node_modules/.bin/tsc", "--project", "tsconfig.trusted.json")


def test_apollo_client_asks_by_ids(found):
    assert found["apollo"] == {
        "found": ["rubocop", ["STATUS_CHANGED"]],
        "sent": [["GET", False], ["POST", False]],
    }


def test_urql_asks_by_ids(found):
    sent = found["urql"]["sent"]

    assert found["urql"]["found"] == [5, "Job", ["STATUS_CHANGED"]]
    # Its cache may ask once more for what a later answer has changed.
    assert len(sent) >= 4
    assert {tuple(one) for one in sent} == {("POST", False)}


def test_relay_asks_by_ids(found):
    sent = ["documentId", "operationName", "variables", "extensions"]

    assert found["relay"] == {"found": True, "sent": [sent]}


def test_anything_else_is_refused(found):
    assert found["free"] == ["DOCUMENT_NOT_TRUSTED", "DOCUMENT_NOT_TRUSTED", None]

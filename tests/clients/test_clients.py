"""docs/clients.md, run: its files are taken out of the document as they stand, and each client asks
the gateway over the sandbox.
"""

from __future__ import annotations

import json
import re

import pytest

from gateway.testing.server import serve
from tests.clients.conftest import DOCUMENT, HERE, run
from tests.harness.app import program

CLIENTS = ("apollo", "urql", "relay")

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def project(front_end):
    """A front end's project with code generated and drivers bundled."""
    run(front_end, "node_modules/.bin/graphql-codegen")
    run(front_end, "node_modules/.bin/relay-compiler")
    run(front_end, "node", "build.mjs", *(f"drive_{client}.ts" for client in CLIENTS))
    return front_end


@pytest.fixture(scope="module", params=CLIENTS)
def driven(request, project):
    """What a client's driver found, by name, and what it wrote to standard error."""
    with serve() as server, program(server.url) as url:
        seen = {
            "GATEWAY_URL": url,
            "GATEWAY_TOKENS": json.dumps(dict(server.tokens)),
            "MANUAL_JOB": str(server.sandbox.landmarks["is_manual_job"]),
        }
        done = run(project, "node", f"built/drive_{request.param}.mjs", **seen)
    return json.loads(done.stdout), done.stderr


@pytest.fixture(scope="module")
def found(driven):
    return driven[0]


def test_the_documents_code_has_no_type_errors(project):
    run(project, "node_modules/.bin/tsc", "--project", ".")


def test_the_document_installs_what_is_tested():
    installed = re.findall(r"npm install (.*?)\n```", DOCUMENT.read_text(), re.DOTALL)
    named = set(re.findall(r"@?[a-z][\w/-]+", " ".join(installed))) - {"npm", "install", "save-dev"}
    tested = json.loads((HERE / "package.json").read_text())["dependencies"]

    assert named - tested.keys() == set()


def test_pages_are_joined(found):
    assert found["pages"]["first"] == [216, 210, 198, 174, 150]
    assert found["pages"]["both"] == [216, 210, 198, 174, 150, 126, 120, 114, 108, 83]
    assert found["pages"]["asked"] == 2


def test_what_a_list_showed_is_not_asked_for_again(found):
    assert found["known"]["name"] in {"brakeman", "rubocop"}
    assert found["known"]["asked"] == 0


def test_selections_of_one_log_are_put_together(found):
    assert found["log"]["text"]
    assert found["log"]["lineCount"] > 0
    assert found["log"]["asked"] == 0


def test_types_behind_an_interface_are_known(found):
    assert found["types"] == [["Job", "rubocop"], ["Bridge", "downstream"]]


def test_a_user_who_takes_over_a_job_is_not_mixed_with_the_one_before(found):
    assert found["changed user"]["before"] != found["changed user"]["after"]
    assert found["changed user"]["after"] == ["maintainer", "Maja Łukasik"]


@pytest.mark.parametrize("driven", ["apollo"], indirect=True)
def test_what_a_job_shows_of_a_user_stays_when_a_pipeline_shows_less(found):
    user = found["short user"]

    assert user["same"]
    assert user["after"] == user["before"] is not None


def test_what_failed_leaves_its_siblings(found):
    assert found["partial"] == {"there": "rubocop", "gone": None, "codes": ["NOT_FOUND"]}


def test_a_refused_write_is_data(found):
    assert found["refused"] == {"codes": ["STATUS_CHANGED"], "error": None}


def test_the_answer_to_a_write_is_in_the_cache(found):
    assert found["retried"] == {"refusals": [], "name": "teaspoon", "asked": 0}


def test_a_refused_credential_is_told(found):
    assert found["credential"] == ["UNAUTHENTICATED"]


def test_each_answer_tells_its_cost(found):
    first = {"estimated": 2, "calls": 1, "shared": 0, "cached": 0, "retried": 0}

    assert found["costs"][0] == first
    assert all(cost.keys() == first.keys() for cost in found["costs"])


@pytest.mark.parametrize("driven", ["apollo"], indirect=True)
def test_the_hash_of_a_document_is_enough_once_it_was_sent(found):
    assert found["persisted"] == [False, True, False]


def test_no_client_warns(driven):
    assert driven[1] == ""

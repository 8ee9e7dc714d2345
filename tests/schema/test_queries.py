"""Queries over the sandbox: what they show, and exactly which upstream calls they make."""

import pytest

from gateway.schema.ids import global_id

PIPELINES, JOBS_EACH = 4, 5


@pytest.fixture(scope="module")
def shop(gate):
    """Four pipelines with five jobs and a bridge each, the newest things of project 11."""
    made = [gate.pipeline(11) for _ in range(PIPELINES)]
    for _ in range(JOBS_EACH):
        for pipeline in made:
            gate.job("success", project=11, pipeline=pipeline, artifacts=("archive",))
    for pipeline in made:
        gate.job("success", project=11, pipeline=pipeline, bridge=True, downstream_id=made[0])
    return made


class TestCalls:
    """Only what is selected is asked for (architecture.md, ask only for what is selected)."""

    def test_what_stands_in_a_list_costs_the_list(self, gate, shop):
        result = gate.ask(
            """{ project(id: 11) { jobs { nodes {
                id name commit { title authoredAt } user { username }
                pipeline { id status sha webUrl } artifacts { fileType size downloadUrl }
                project { id fullPath } runner { description } active retryable erasable
            } } } }"""
        )

        nodes = result.data["project"]["jobs"]["nodes"]
        assert result.errors == {}
        assert len(nodes) == 20
        assert nodes[0]["project"]["fullPath"] == "lab/inner/closed"
        assert result.calls == ["GET /projects/11/jobs?pagination=keyset&per_page=20"]
        assert result.estimated == 1

    def test_pipelines_of_jobs_and_their_jobs_are_read_once_each(self, gate, shop):
        result = gate.ask(
            "{ project(id: 11) { jobs { nodes { pipeline { jobs { nodes { name } } } } } } }"
        )

        assert result.errors == {}
        assert len(result.calls) == 1 + PIPELINES
        assert result.estimated == 21

    def test_detail_of_pipelines_costs_a_call_each(self, gate, shop):
        result = gate.ask(
            "{ project(id: 11) { jobs { nodes { pipeline { duration user { name } } } } } }"
        )

        assert result.errors == {}
        assert sorted(result.calls[1:]) == [
            f"GET /projects/11/pipelines/{pipeline}" for pipeline in shop
        ]
        assert result.estimated == 21

    def test_a_list_of_pipelines_costs_the_list(self, gate, shop):
        result = gate.ask(
            "{ project(id: 11) { pipelines(first: 4) { totalCount nodes { databaseId status ref"
            " project { id } } } } }"
        )

        assert [node["databaseId"] for node in result.data["project"]["pipelines"]["nodes"]] == (
            shop[::-1]
        )
        assert len(result.calls) == 1
        assert result.estimated == 1

    @pytest.mark.parametrize(
        "selection", ["databaseId", "id project { id databaseId }", "__typename"]
    )
    def test_ids_cost_nothing(self, gate, shop, selection):
        result = gate.ask(
            '{ pipeline(by: {path: {project: "11", pipeline: "%d"}}) { %s } }'
            % (shop[0], selection)
        )

        assert result.errors == {}
        assert result.calls == []

    def test_a_list_of_a_pipeline_costs_the_list(self, gate, shop):
        result = gate.ask(
            '{ pipeline(by: {id: "%s"}) { id jobs { totalCount } bridges { totalCount nodes {'
            " name downstreamPipeline { databaseId status } } } } }"
            % global_id(b"Pipeline:11:%d" % shop[1])
        )

        pipeline = result.data["pipeline"]
        assert pipeline["jobs"]["totalCount"] == JOBS_EACH
        assert pipeline["bridges"]["nodes"][0]["downstreamPipeline"]["databaseId"] == shop[0]
        assert len(result.calls) == 2

    def test_the_commit_of_a_pipeline_costs_a_call(self, gate, shop):
        result = gate.ask(
            '{ pipeline(by: {path: {project: "11", pipeline: "%d"}}) { sha commit { sha title } } }'
            % shop[0]
        )

        pipeline = result.data["pipeline"]
        assert pipeline["commit"]["sha"] == pipeline["sha"]
        assert len(result.calls) == 2
        assert result.estimated == 2

    def test_the_commit_is_free_beside_its_jobs(self, gate, shop):
        result = gate.ask(
            "{ project(id: 11) { jobs { nodes { commit { sha } pipeline { commit { sha } } } } } }"
        )

        assert result.errors == {}
        assert len(result.calls) == 1

    def test_the_id_of_a_project_by_path_costs_a_call(self, gate, shop):
        result = gate.ask('{ project(id: "lab/inner/closed") { id databaseId fullPath } }')

        assert result.data["project"] == {
            "id": global_id(b"Project:11"),
            "databaseId": 11,
            "fullPath": "lab/inner/closed",
        }
        assert result.calls == ["GET /projects/lab%2Finner%2Fclosed"]
        assert result.estimated == 1

    def test_a_log_costs_a_call_for_all_that_is_asked_of_it(self, gate):
        job = gate.job("success", log=b"one\ntwo\nthree\n")

        result = gate.ask(
            '{ job(by: {path: {project: "10", job: "%d"}}) { log { complete byteCount lineCount'
            " tail(lines: 1) { text startByte endByte } slice(maxBytes: 3) { text } } } }" % job
        )

        assert result.data["job"]["log"] == {
            "complete": True,
            "byteCount": 14,
            "lineCount": 3,
            "tail": {"text": "three\n", "startByte": 8, "endByte": 14},
            "slice": {"text": "one\n"},
        }
        assert [call.partition("?")[0] for call in result.calls] == [
            f"GET /projects/10/jobs/{job}",
            f"GET /projects/10/jobs/{job}/trace",
        ]
        assert result.estimated == 2

    def test_a_call_reads_what_a_log_holds_lines_that_match_and_sections(self, gate):
        job = gate.job(
            "failed",
            log=b"section_start:10:get_sources[collapsed=true]\r\x1b[0K\x1b[36;1mGetting\x1b[0;m\n"
            b"section_end:13:get_sources\r\x1b[0Ksection_start:13:step_script\r\x1b[0K\n"
            b"$ make\n\x1b[31mmake: err\x1b[0mor 2\ndone\n",
        )

        result = gate.ask(
            '{ job(by: {path: {project: "10", job: "%d"}}) { log { lineCount'
            " tail(lines: 1) { text }"
            " sections { name header startLine endLine startByte endByte duration collapsed }"
            ' text: search(pattern: "error", after: 1) { line startByte endByte text before after }'
            ' coloured: search(pattern: "error [0-9]$", regex: true, format: ANSI) { text }'
            ' raw: search(pattern: "Getting", format: RAW) { text }'
            ' next: search(pattern: "e", fromByte: 164, before: 0) { line before after }'
            ' none: search(pattern: "ERROR") { line } } } }' % job
        )

        assert result.errors == {}
        assert result.data["job"]["log"] == {
            "lineCount": 5,
            "tail": {"text": "done\n"},
            "sections": [
                {
                    "name": "get_sources",
                    "header": "Getting",
                    "startLine": 1,
                    "endLine": 1,
                    "startByte": 0,
                    "endByte": 69,
                    "duration": 3.0,
                    "collapsed": True,
                },
                {
                    "name": "step_script",
                    "header": None,
                    "startLine": 2,
                    "endLine": None,
                    "startByte": 69,
                    "endByte": None,
                    "duration": None,
                    "collapsed": False,
                },
            ],
            "text": [
                {
                    "line": 4,
                    "startByte": 141,
                    "endByte": 164,
                    "text": "make: error 2",
                    "before": ["", "$ make"],
                    "after": ["done"],
                }
            ],
            "coloured": [{"text": "\x1b[31mmake: err\x1b[0mor 2"}],
            "raw": [
                {
                    "text": "section_start:10:get_sources[collapsed=true]\r\x1b[0K"
                    "\x1b[36;1mGetting\x1b[0;m"
                }
            ],
            "next": [{"line": 5, "before": [], "after": []}],
            "none": [],
        }
        assert len(result.calls) == 2
        assert result.estimated == 2

    def test_an_expression_that_is_none_fails_alone(self, gate):
        job = gate.job("failed", log=b"one\n")

        result = gate.ask(
            '{ job(by: {path: {project: "10", job: "%d"}}) { log { lineCount'
            ' search(pattern: "(a)\\\\1", regex: true) { line } } } }' % job
        )

        assert result.data["job"]["log"] == {"lineCount": 1, "search": None}
        [error] = result.errors.values()
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert "RE2's, without back references" in error["message"]

    def test_nodes_of_one_pipeline_share_list_calls(self, gate):
        pipeline = gate.pipeline()
        jobs = [gate.job("success", pipeline=pipeline) for _ in range(60)]

        result = gate.ask(
            "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Job { name } } }",
            ids=[global_id(b"Job:10:%d:%d" % (pipeline, job)) for job in jobs],
        )

        assert result.errors == {}
        assert all(result.data["nodes"])
        assert len(result.calls) <= 2

    def test_aliased_jobs_of_one_project_share_list_calls(self, gate):
        pipeline = gate.pipeline()
        jobs = [gate.job("success", pipeline=pipeline) for _ in range(50)]

        result = gate.ask(
            "{ %s }"
            % " ".join(
                'j%d: job(by: {path: {project: "10", job: "%d"}}) { name }' % (job, job)
                for job in jobs
            )
        )

        assert result.errors == {}
        assert len(result.calls) <= 3


class TestNames:
    @pytest.mark.parametrize("way", ["id", "path", "webUrl"])
    def test_a_job_is_found_in_each_way(self, gate, way):
        pipeline = gate.pipeline()
        job = gate.job("success", pipeline=pipeline, name="räksmörgås")
        ref = {
            "id": '"%s"' % global_id(b"Job:10:%d:%d" % (pipeline, job)),
            "path": '{project: "lab/open", job: "%d"}' % job,
            "webUrl": '"%s/lab/open/-/jobs/%d"' % (gate.web_url, job),
        }

        result = gate.ask("{ job(by: {%s: %s}) { databaseId name } }" % (way, ref[way]))

        assert result.data == {"job": {"databaseId": job, "name": "räksmörgås"}}

    def test_a_moved_project_is_followed(self, gate):
        job = gate.job("success", project=12)

        result = gate.ask(
            '{ job(by: {path: {project: "lab/old-name", job: "%d"}}) { project { fullPath } } }'
            % job
        )

        assert result.data == {"job": {"project": {"fullPath": "lab/new-name"}}}
        assert result.calls == [
            f"GET /projects/lab%2Fold-name/jobs/{job}",
            f"GET /projects/12/jobs/{job}",
        ]


class TestMissing:
    def test_nodes_are_null_without_an_error(self, gate, shop):
        ids = [b"Job:10:1:999999", b"Bridge:10:1:999999", b"Pipeline:10:999999", b"Project:999"]

        result = gate.ask(
            "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }",
            ids=[*map(global_id, ids)],
        )

        assert result.data == {"nodes": [None] * 4}
        assert result.errors == {}

    @pytest.mark.parametrize(
        ("document", "path"),
        [
            ('{ job(by: {path: {project: "10", job: "999999"}}) { id } }', "job"),
            ('{ pipeline(by: {path: {project: "10", pipeline: "99"}}) { status } }', "pipeline"),
            ('{ project(id: 10) { job(databaseId: "999999") { id } } }', "project.job"),
            ('{ project(id: 10) { pipeline(databaseId: "99") { ref } } }', "project.pipeline"),
            ("{ project(id: 999) { jobs { totalCount } } }", "project.jobs"),
            ('{ project(id: "lab/none") { pipelines { totalCount } } }', "project.pipelines"),
        ],
    )
    def test_others_are_null_with_an_error(self, gate, document, path):
        result = gate.ask(document)

        value = result.data
        for key in path.split("."):
            value = value[key]
        assert value is None
        assert result.codes == {path: "NOT_FOUND"}

    def test_one_forbidden_project_leaves_the_other(self, gate, shop):
        gate.job("success")

        result = gate.ask(
            "{ open: project(id: 10) { jobs(first: 1) { nodes { name } } }"
            " closed: project(id: 11) { jobs(first: 1) { nodes { name } } } }",
            role="guest",
        )

        assert result.data["closed"] == {"jobs": None}
        assert len(result.data["open"]["jobs"]["nodes"]) == 1
        assert result.codes == {"closed.jobs": "FORBIDDEN"}

    @pytest.mark.parametrize("role", [None, "expired"])
    def test_without_a_good_credential(self, gate, shop, role):
        result = gate.ask(
            "{ project(id: 10) { jobs { totalCount } job(databaseId: 1) { id } } }", role=role
        )

        assert result.data == {"project": {"jobs": None, "job": None}}
        assert set(result.codes.values()) == {"UNAUTHENTICATED"}


class TestJobToken:
    def test_the_job_of_the_token(self, gate):
        job = gate.job("running", user="developer")

        result = gate.ask(
            "{ currentJob { databaseId } allowedAgents { job { databaseId } pipeline { status }"
            " project { databaseId } user { username } } }",
            job_token=gate.sandbox.job_token(job),
        )

        assert result.errors == {}
        assert result.data["currentJob"] == {"databaseId": job}
        assert result.data["allowedAgents"]["job"] == {"databaseId": job}
        assert result.data["allowedAgents"]["project"] == {"databaseId": 10}
        assert sorted(result.calls) == ["GET /job", "GET /job/allowed_agents"]

    def test_another_credential_has_none(self, gate):
        result = gate.ask("{ currentJob { id } }")

        assert result.data == {"currentJob": None}
        assert result.codes == {"currentJob": "NOT_FOUND"}


class TestConnections:
    def test_page_info_is_right_at_both_ends(self, gate, shop):
        document = (
            "query ($after: String, $before: String, $first: Int, $last: Int)"
            ' { pipeline(by: {path: {project: "11", pipeline: "%d"}}) {'
            " jobs(first: $first, after: $after, last: $last, before: $before) {"
            " edges { cursor node { databaseId } } pageInfo { hasNextPage hasPreviousPage"
            " startCursor endCursor } } } }" % shop[0]
        )

        newest = gate.ask(document, first=2).data["pipeline"]["jobs"]
        middle = gate.ask(document, first=2, after=newest["pageInfo"]["endCursor"]).data
        middle = middle["pipeline"]["jobs"]
        oldest = gate.ask(document, last=1).data["pipeline"]["jobs"]
        back = gate.ask(document, last=2, before=middle["pageInfo"]["startCursor"]).data
        back = back["pipeline"]["jobs"]

        def ends(page):
            return page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]

        assert ends(newest) == (False, True)
        assert ends(middle) == (True, True)
        assert ends(oldest) == (True, False)
        assert [edge["node"] for edge in back["edges"]] == [
            edge["node"] for edge in newest["edges"]
        ]

    def test_an_empty_list_has_no_ends(self, gate):
        result = gate.ask(
            '{ pipeline(by: {path: {project: "10", pipeline: "%d"}}) { jobs { totalCount nodes {'
            " id } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor"
            " } } } }" % gate.pipeline()
        )

        assert result.data["pipeline"]["jobs"] == {
            "totalCount": 0,
            "nodes": [],
            "edges": [],
            "pageInfo": {
                "hasNextPage": False,
                "hasPreviousPage": False,
                "startCursor": None,
                "endCursor": None,
            },
        }

    def test_statuses_filter_upstream(self, gate, shop):
        job = gate.job("manual", project=11, pipeline=shop[0])

        result = gate.ask(
            "{ project(id: 11) { jobs(statuses: [MANUAL]) { nodes { databaseId status } } } }"
        )

        assert result.data["project"]["jobs"]["nodes"] == [{"databaseId": job, "status": "MANUAL"}]
        assert "scope%5B%5D=manual" in result.calls[0]

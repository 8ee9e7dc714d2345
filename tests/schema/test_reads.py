"""What each field asks the context for: nothing that is not selected, and no more than it needs."""

import pytest

from gateway.errors import Forbidden, NotFound
from gateway.schema.ids import global_id
from gateway.upstream import entities
from gateway.upstream.entities import Pipeline, PipelineDetail
from gateway.upstream.logs import LogPiece, format_log

AT = {"endpoint": "GET /projects/:id/jobs/:job_id"}
JOB = entities.Job(
    8,
    "success",
    "rspec",
    ref="main",
    created_at="2026-01-01T00:00:00.000Z",
    web_url="https://gitlab.example/group/name/-/jobs/8",
    pipeline=Pipeline(6, sha="a" * 40, status="running", project_id=1),
    artifacts=[
        entities.Artifact("archive", 10, "a.zip", "zip", job=(1, 8)),
        entities.Artifact("junit", 5, job=(1, 8)),
    ],
)
DETAIL = PipelineDetail(6, sha="a" * 40, status="running", project_id=1, duration=7)


class TestPipelineHandles:
    @pytest.mark.parametrize(
        "selection", ["databaseId", "id databaseId project { id databaseId }", "__typename"]
    )
    def test_ids_of_a_numbered_project_ask_for_nothing(self, ask, context, selection):
        result = ask('{ pipeline(by: {path: {project: "1", pipeline: "6"}}) { %s } }' % selection)

        assert result.errors == []
        assert context.asked == []

    def test_lists_ask_for_the_list_only(self, ask, context):
        context.answers["pipeline_jobs"] = Forbidden("forbidden", **AT)

        result = ask('{ project(id: "a/b") { pipeline(databaseId: 6) { jobs { totalCount } } } }')

        assert [name for name, *_ in context.asked] == ["pipeline_jobs"]
        assert result.data == {"project": {"pipeline": {"jobs": None}}}

    @pytest.mark.parametrize("field", ["status", "sha", "duration", "user { name }", "webUrl"])
    def test_anything_else_asks_for_the_pipeline(self, ask, context, field):
        context.answers["pipeline"] = DETAIL

        ask('{ pipeline(by: {path: {project: "a/b", pipeline: "6"}}) { %s } }' % field)

        assert context.asked == [("pipeline", "a/b", 6)]

    def test_its_id_where_only_a_path_is_known_asks_for_the_pipeline(self, ask, context):
        context.answers["pipeline"] = DETAIL

        result = ask('{ pipeline(by: {path: {project: "a/b", pipeline: "6"}}) { id } }')

        assert result.data == {"pipeline": {"id": global_id(b"Pipeline:1:6")}}

    def test_a_missing_one_is_null_with_one_error(self, ask, context):
        context.answers["pipeline"] = NotFound("no such pipeline", **AT)

        result = ask('{ pipeline(by: {id: "%s"}) { status sha } }' % global_id(b"Pipeline:1:6"))

        assert result.data == {"pipeline": None}
        assert result.errors == [("pipeline", "no such pipeline")]

    def test_the_commit_of_a_jobs_pipeline_is_one_question(self, ask, context):
        context.answers["job"] = JOB

        ask('{ job(by: {path: {project: "1", job: "8"}}) { pipeline { commit { title } } } }')

        assert context.asked == [("job", 1, 8, None), ("commit", 1, "a" * 40, 6)]


class TestNodes:
    def test_each_type_is_asked_for_by_its_numbers(self, ask, context):
        context.answers["job"] = JOB
        context.answers["pipeline"] = DETAIL
        context.answers["project"] = entities.ProjectHandle(1, "group/name")
        ids = [b"Job:1:6:8", b"Bridge:1:6:9", b"Pipeline:1:6", b"Project:1"]

        result = ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[*map(global_id, ids)])

        assert context.asked == [
            ("job", 1, 8, 6),
            ("bridge", 1, 6, 9),
            ("pipeline", 1, 6),
            ("project", 1),
        ]
        assert [node and node["id"] for node in result.data["nodes"]] == [
            global_id(b"Job:1:6:8"),
            None,
            global_id(b"Pipeline:1:6"),
            global_id(b"Project:1"),
        ]

    def test_a_missing_one_is_null_without_an_error(self, ask, context):
        context.answers["job"] = NotFound("no such job", **AT)

        result = ask('{ node(id: "%s") { id } }' % global_id(b"Job:1:6:8"))

        assert (result.data, result.errors) == ({"node": None}, [])

    def test_one_that_fails_does_not_take_the_others_along(self, ask, context):
        context.answers["job"] = Forbidden("forbidden", **AT)
        context.answers["pipeline"] = DETAIL

        result = ask(
            "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename } }",
            ids=[global_id(b"Job:1:6:8"), "nonsense", global_id(b"Pipeline:1:6")],
        )

        assert result.data == {"nodes": [None, None, {"__typename": "Pipeline"}]}
        assert [path for path, _ in result.errors] == ["nodes.0", "nodes.1"]

    def test_nonsense_is_refused(self, ask, context):
        result = ask('{ node(id: "8") { id } }')

        assert result.data == {"node": None}
        [(path, message)] = result.errors
        assert path == "node"
        assert message.startswith("not a global id: '8'; give one back as an id field gave it")
        assert context.asked == []


class TestJobs:
    def test_what_stands_in_a_job_asks_for_nothing_more(self, ask, context):
        context.answers["job"] = JOB

        result = ask(
            """{ job(by: {webUrl: "https://gitlab.example/group/name/-/jobs/8"}) {
                id project { id databaseId fullPath }
                pipeline { id status statusText sha project { id } }
                artifacts { fileType size downloadUrl } artifactsArchive { downloadUrl }
                commit { title } user { name } runner { id: databaseId } log { complete }
            } }"""
        )

        assert result.errors == []
        assert [name for name, *_ in context.asked] == ["job", "log"]
        assert result.data["job"]["project"] == {
            "id": global_id(b"Project:1"),
            "databaseId": 1,
            "fullPath": "group/name",
        }
        archive = "https://gitlab.example/api/v4/projects/1/jobs/8/artifacts"
        assert result.data["job"]["artifactsArchive"] == {"downloadUrl": archive}
        assert [file["downloadUrl"] for file in result.data["job"]["artifacts"]] == [archive, None]

    def test_detail_of_a_jobs_pipeline_hydrates_it(self, ask, context):
        context.answers["job"] = JOB
        context.answers["hydrate"] = DETAIL

        result = ask(
            '{ job(by: {path: {project: "1", job: "8"}}) { pipeline { duration status } } }'
        )

        assert result.data["job"]["pipeline"] == {"duration": 7, "status": "RUNNING"}
        assert context.asked == [("job", 1, 8, None), ("hydrate", JOB.pipeline)]

    def test_a_bridge_is_no_job(self, ask, context):
        result = ask('{ job(by: {id: "%s"}) { id } }' % global_id(b"Bridge:1:6:9"))

        assert result.errors == [
            ("job", "by: the id names a bridge, not a job; node(id:) reads it")
        ]
        assert context.asked == []

    @pytest.mark.parametrize(
        "document",
        [
            '{ job(by: {path: {project: "1", job: "8"}}) { id } }',
            '{ project(id: "1") { job(databaseId: "8") { id } } }',
        ],
        ids=["job", "project.job"],
    )
    def test_where_there_is_none_the_error_says_what_else_it_may_be(self, ask, context, document):
        context.answers["job"] = NotFound("job 8: it does not exist", endpoint="/jobs/8")

        result = ask(document)

        [(_, told)] = result.errors
        assert told.startswith("job 8: it does not exist; a bridge is not read by its number")

    def test_where_its_project_is_lacking_the_error_is_told_as_it_is(self, ask, context):
        context.answers["job"] = NotFound(
            "job 8: its project does not exist", endpoint="/jobs/8", reason="404 Project Not Found"
        )

        result = ask('{ job(by: {path: {project: "1", job: "8"}}) { id } }')

        assert result.errors == [("job", "job 8: its project does not exist")]

    def test_exactly_one_way_to_name_it(self, ask, context):
        result = ask('{ job(by: {id: "x", webUrl: "https://gitlab.example/"}) { id } }')

        assert result.data is None
        assert context.asked == []


class TestProjects:
    def test_a_handle_asks_for_nothing(self, ask, context):
        result = ask('{ project(id: "group/name") { __typename } }')

        assert result.data["project"] == {"__typename": "Project"}
        assert context.asked == []

    def test_its_path_is_asked_for_and_not_repeated(self, ask, context):
        context.answers["project"] = entities.ProjectHandle(1, "Group/Name")

        result = ask('{ project(id: "group/name") { fullPath } }')

        assert result.data["project"] == {"fullPath": "Group/Name"}
        assert context.asked == [("project", "group/name")]

    def test_its_id_is_by_number(self, ask, context):
        context.answers["hydrate"] = entities.ProjectHandle(1, "group/name")

        result = ask('{ project(id: "group/name") { id databaseId } }')

        assert result.data["project"] == {"id": global_id(b"Project:1"), "databaseId": 1}
        assert context.asked == [("hydrate", entities.ProjectHandle(path="group/name"))]

    def test_an_unknown_one_is_null(self, ask, context):
        context.answers["hydrate"] = NotFound("no such project", **AT)

        result = ask('{ project(id: "group/name") { id } }')

        assert result.data == {"project": None}
        assert result.errors == [("project", "no such project")]

    @pytest.mark.parametrize("text", ["0", "-1", "eight", "9223372036854775808"])
    def test_a_job_that_cannot_be_is_refused(self, ask, context, text):
        result = ask('{ project(id: 1) { job(databaseId: "%s") { id } } }' % text)

        assert result.data == {"project": {"job": None}}
        assert [path for path, _ in result.errors] == ["project.job"]
        assert context.asked == []

    def test_filters_go_upstream_in_its_words(self, ask, context):
        ask("{ project(id: 1) { jobs(statuses: [RUNNING, MANUAL], first: 5) { totalCount } } }")

        ((name, project, words, window, test),) = context.asked
        assert (name, project, words, test) == ("project_jobs", 1, ("running", "manual"), None)
        assert (window.size, window.backward, window.wants_next) == (5, False, False)

    def test_filters_of_pipelines(self, ask, context):
        ask(
            '{ project(id: 1) { pipelines(ref: "main", status: FAILED, scope: BRANCHES, name: "a b"'
            ' username: "zoe", createdAfter: "2026-11-01T09:00:00Z") { totalCount } } }'
        )

        filters = (
            ("ref", "main"),
            ("scope", "branches"),
            ("name", "a b"),
            ("username", "zoe"),
            ("created_after", "2026-11-01T09:00:00+00:00"),
        )
        assert context.asked[0][:4] == ("pipelines", 1, "failed", filters)

    def test_an_instant_that_is_none_is_refused(self, ask, context):
        result = ask('{ project(id: 1) { pipelines(updatedBefore: "noon") { totalCount } } }')

        assert [path for path, _ in result.errors] == ["project.pipelines"]
        assert context.asked == []

    @pytest.mark.parametrize(
        "arguments",
        ["first: 0", "first: -1", "first: 101", "last: 0", "first: 1, last: 1", 'after: "x"'],
    )
    def test_windows_that_cannot_be_are_refused(self, ask, context, arguments):
        result = ask("{ project(id: 1) { jobs(%s) { totalCount } } }" % arguments)

        assert result.data == {"project": {"jobs": None}}
        assert [path for path, _ in result.errors] == ["project.jobs"]
        assert context.asked == []

    def test_what_page_info_tells_is_asked_for_when_selected(self, ask, context):
        ask(
            "{ project(id: 1) { jobs { ...Page } } } fragment Page on JobConnection"
            " { pageInfo { hasNextPage } }"
        )

        assert context.asked[0][3].wants_next


class Reader:
    """A log that holds this text."""

    TEXT = b"\x1b[0Kone\ntwo\n"

    async def byte_count(self):
        return len(self.TEXT)

    async def line_count(self):
        return 2

    async def tail(self, lines, max_bytes):
        return LogPiece(self.TEXT, 0, len(self.TEXT), truncated=lines + max_bytes < 100)

    async def text(self, piece, form):
        return format_log(piece.raw, form)

    async def slice(self, from_byte, max_bytes):
        end = min(from_byte + max_bytes, len(self.TEXT))
        return LogPiece(self.TEXT[from_byte:end], from_byte, end, truncated=False)


class TestLogs:
    LOG = '{ job(by: {path: {project: "1", job: "8"}}) { log { %s } } }'

    @pytest.fixture(autouse=True)
    def log(self, context):
        context.answers["job"] = JOB
        context.log = lambda *_: Reader()

    def test_it_is_shown_in_the_form_asked_for(self, ask):
        result = ask(
            self.LOG % "complete byteCount lineCount tail { text truncated }"
            " slice(fromByte: 4, maxBytes: 3) { text startByte endByte }"
            " raw: tail(format: RAW) { text }"
        )

        assert result.errors == []
        assert result.data["job"]["log"] == {
            "complete": True,
            "byteCount": 12,
            "lineCount": 2,
            "tail": {"text": "one\ntwo\n", "truncated": False},
            "slice": {"text": "one", "startByte": 4, "endByte": 7},
            "raw": {"text": "\x1b[0Kone\ntwo\n"},
        }

    @pytest.mark.parametrize(
        "field",
        [
            "tail(lines: 0)",
            "tail(lines: 10001)",
            "tail(maxBytes: 0)",
            "tail(maxBytes: 1048577)",
            "slice(fromByte: -1)",
            "slice(maxBytes: 0)",
            'search(pattern: "")',
            'search(pattern: "a\\nb")',
            'search(pattern: "%s")' % ("a" * 1_001),
            r'search(pattern: "\\A", regex: true)',
            'search(pattern: "a", before: -1)',
            'search(pattern: "a", before: 51)',
            'search(pattern: "a", after: 51)',
            'search(pattern: "a", first: 0)',
            'search(pattern: "a", first: 101)',
            'search(pattern: "a", fromByte: -1)',
        ],
    )
    def test_what_is_out_of_range_is_refused(self, ask, field):
        result = ask(self.LOG % f"complete piece: {field} {{ text }}")

        assert result.data["job"]["log"] == {"complete": True, "piece": None}
        assert [path for path, _ in result.errors] == ["job.log.piece"]

    @pytest.mark.parametrize("first", [0, 1_001])
    def test_so_are_numbers_of_sections(self, ask, first):
        result = ask(self.LOG % f"sections(first: {first}) {{ name }}")

        assert result.data["job"]["log"] == {"sections": None}
        assert [path for path, _ in result.errors] == ["job.log.sections"]


class TestAgents:
    ALLOWED = entities.AllowedAgents(
        [entities.AllowedAgent(1, entities.AgentProject(1, "agents"))],
        project=entities.AgentsProject(1, [entities.NumberOnly(3)]),
    )

    def test_job_and_pipeline_are_those_of_the_token(self, ask, context):
        context.answers["allowed_agents"] = self.ALLOWED
        context.answers["current_job"] = JOB

        result = ask(
            "{ allowedAgents { agents { databaseId configuration } groupIds job { name }"
            " pipeline { status } project { id } user { username } environment { slug } } }"
        )

        assert result.errors == []
        assert result.data["allowedAgents"] == {
            "agents": [{"databaseId": 1, "configuration": None}],
            "groupIds": [3],
            "job": {"name": "rspec"},
            "pipeline": {"status": "RUNNING"},
            "project": {"id": global_id(b"Project:1")},
            "user": None,
            "environment": None,
        }
        assert {name for name, *_ in context.asked} == {"allowed_agents", "current_job"}

    def test_without_them_it_is_one_question(self, ask, context):
        context.answers["allowed_agents"] = entities.AllowedAgents([])

        result = ask("{ allowedAgents { agents { databaseId } groupIds project { id } } }")

        assert result.data["allowedAgents"] == {"agents": [], "groupIds": [], "project": None}
        assert context.asked == [("allowed_agents",)]

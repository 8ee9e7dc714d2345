"""Each mutation in each status over the newest sandbox (upstream.md, 7): what it gives, and that it
is sent once.
"""

import pytest

from gateway.sandbox import Fault
from gateway.schema.ids import global_id

# The runner of every world that runs after_script when its job is canceled.
GRACEFUL_RUNNER = 1
REFUSED = "NOT_ALLOWED_IN_STATUS"
NEW, QUEUED, CANCELED = ("new", "PENDING"), ("same", "PENDING"), ("same", "CANCELED")
IN_VAIN = "NOTHING_TO_DO"

#        status: (cancel, retry, play of a manual job, erase of a job with a log)
TABLE = {
    "created": (CANCELED, REFUSED, REFUSED, REFUSED),
    "waiting_for_resource": (CANCELED, REFUSED, REFUSED, REFUSED),
    "preparing": (CANCELED, REFUSED, REFUSED, REFUSED),
    "waiting_for_callback": (CANCELED, REFUSED, REFUSED, REFUSED),
    "pending": (CANCELED, REFUSED, REFUSED, REFUSED),
    "running": (CANCELED, REFUSED, REFUSED, REFUSED),
    "canceling": (("same", "CANCELING"), NEW, NEW, REFUSED),
    "scheduled": (CANCELED, REFUSED, QUEUED, REFUSED),
    "manual": (CANCELED, REFUSED, QUEUED, REFUSED),
    "success": (IN_VAIN, NEW, NEW, ("same", "SUCCESS")),
    "failed": (IN_VAIN, NEW, NEW, ("same", "FAILED")),
    "canceled": (("same", "CANCELED"), NEW, NEW, ("same", "CANCELED")),
    "skipped": (IN_VAIN, REFUSED, REFUSED, ("same", "SKIPPED")),
}
MUTATIONS = {"jobCancel": "job", "jobRetry": "item", "jobPlay": "item", "jobErase": "job"}
ACT = """mutation ($project: ID!, $job: ID!) {
    %s(input: {job: {path: {project: $project, job: $job}}}) {
        %s { __typename id databaseId status }
        userErrors { code field }
    }
}"""


def act(gate, mutation, job, **options):
    shown = MUTATIONS[mutation]
    result = gate.ask(ACT % (mutation, shown), **{"project": "10", "job": str(job)} | options)
    payload = result.data[mutation]
    return result, payload, payload[shown]


def cell(gate, mutation, job):
    """What the mutation gave, as the table says it."""
    _, payload, item = act(gate, mutation, job)
    if payload["userErrors"]:
        (error,) = payload["userErrors"]
        assert error["field"] == ["job", "path"]
        return error["code"]
    return "same" if item["databaseId"] == job else "new", item["status"]


@pytest.mark.parametrize("status", TABLE)
@pytest.mark.parametrize("mutation", MUTATIONS)
class TestTable:
    def test_each_cell(self, gate, mutation, status):
        job = gate.job(status, when="manual", log=b"x")

        assert cell(gate, mutation, job) == TABLE[status][[*MUTATIONS].index(mutation)]

    def test_it_is_sent_once_and_is_all_that_is_sent(self, gate, mutation, status):
        job = gate.job(status, when="manual", log=b"x")
        action = mutation.removeprefix("job").lower()

        result = gate.ask(
            "mutation { %s(input: {job: {path: {project: 10, job: %d}}}) { userErrors { code } } }"
            % (mutation, job)
        )

        assert result.errors == {}
        assert result.calls == [f"POST /projects/10/jobs/{job}/{action}"]
        assert result.estimated == 1


class TestForce:
    CANCEL = (
        "mutation { jobCancel(input: {job: {path: {project: 10, job: %d}}, force: %s})"
        " { job { status } userErrors { code } } }"
    )

    def test_a_job_that_is_canceling_is_canceled(self, gate):
        job = gate.job("running", runner_id=GRACEFUL_RUNNER)

        first = gate.ask(self.CANCEL % (job, "false"))
        second = gate.ask(self.CANCEL % (job, "true"))

        assert first.data["jobCancel"]["job"] == {"status": "CANCELING"}
        assert second.data["jobCancel"]["job"] == {"status": "CANCELED"}

    def test_of_a_job_that_is_not_canceling_it_is_in_vain(self, gate):
        result = gate.ask(self.CANCEL % (gate.job("running"), "true"))

        assert result.data["jobCancel"] == {
            "job": {"status": "RUNNING"},
            "userErrors": [{"code": "NOTHING_TO_DO"}],
        }

    def test_a_developer_may_not(self, gate):
        job = gate.job("canceling")

        result = gate.ask(self.CANCEL % (job, "true"), role="developer")

        assert result.data["jobCancel"]["userErrors"] == [{"code": "FORBIDDEN"}]


class TestRefusals:
    def test_the_job_as_it_is_now_is_read_when_selected(self, gate):
        job = gate.job("running")

        result, payload, item = act(gate, "jobErase", job)

        assert payload["userErrors"][0]["code"] == REFUSED
        assert item["status"] == "RUNNING"
        assert result.calls == [
            f"POST /projects/10/jobs/{job}/erase",
            f"GET /projects/10/jobs/{job}",
        ]
        assert len(result.calls) <= result.estimated

    @pytest.mark.parametrize("mutation", MUTATIONS)
    def test_an_unknown_job_is_not_found(self, gate, mutation):
        result, payload, item = act(gate, mutation, 999_999)

        assert payload["userErrors"] == [{"code": "NOT_FOUND", "field": ["job", "path"]}]
        assert item is None
        assert len(result.calls) == 1

    @pytest.mark.parametrize("mutation", MUTATIONS)
    def test_a_reporter_may_not(self, gate, mutation):
        job = gate.job("failed", when="manual", log=b"x")

        result, payload, item = act(gate, mutation, job, role="reporter")

        assert [error["code"] for error in payload["userErrors"]] == ["FORBIDDEN"]
        assert result.errors == {}
        if mutation != "jobRetry":
            assert item["status"] == "FAILED"

    @pytest.mark.parametrize("mutation", ["jobRetry", "jobPlay", "jobErase"])
    def test_an_archived_job_lets_nobody(self, gate, mutation):
        job = gate.job("failed", when="manual", log=b"x", archived=1)

        _, payload, _ = act(gate, mutation, job)

        assert [error["code"] for error in payload["userErrors"]] == ["FORBIDDEN"]

    def test_statistics_being_recomputed_are_a_conflict(self, gate):
        job = gate.job("failed", log=b"x", project=11)
        gate.sandbox.update_project(11, refreshing=1)

        _, payload, _ = act(gate, "jobErase", job, project="11")
        gate.sandbox.update_project(11, refreshing=0)

        assert [error["code"] for error in payload["userErrors"]] == ["CONFLICT"]

    @pytest.mark.parametrize("mutation", MUTATIONS)
    def test_without_a_credential_it_is_an_error(self, gate, mutation):
        job = gate.job("failed")

        result = gate.ask(
            "mutation { %s(input: {job: {path: {project: 10, job: %d}}}) { userErrors { code } } }"
            % (mutation, job),
            role=None,
        )

        assert result.data == {mutation: None}
        assert result.codes == {mutation: "UNAUTHENTICATED"}


class TestRetry:
    def test_it_makes_a_new_job_and_shows_the_old_one(self, gate):
        pipeline = gate.pipeline()
        job = gate.job("failed", pipeline=pipeline)

        result = gate.ask(
            'mutation { jobRetry(input: {job: {id: "%s"}}) { item { id status ... on Job {'
            " artifacts { fileType } runner { databaseId } } } previous { id status } } }"
            % global_id(b"Job:10:%d:%d" % (pipeline, job))
        )

        payload = result.data["jobRetry"]
        assert payload["previous"]["status"] == "FAILED"
        assert payload["item"]["status"] == "PENDING"
        assert payload["item"]["artifacts"] == []
        assert payload["item"]["id"] != payload["previous"]["id"]
        assert result.calls == [
            f"POST /projects/10/jobs/{job}/retry",
            f"GET /projects/10/jobs/{job}",
        ]

    def test_a_second_one_is_refused(self, gate):
        job = gate.job("failed")

        act(gate, "jobRetry", job)

        assert cell(gate, "jobRetry", job) == REFUSED

    def test_a_new_attempt_is_found_in_the_same_operation(self, gate):
        """The caller reads its own write."""
        pipeline = gate.pipeline()
        job = gate.job("failed", name="rspec", pipeline=pipeline)

        result = gate.ask(
            "mutation { jobRetry(input: {job: {path: {project: 10, job: %d}}})"
            " { item { databaseId pipeline { jobs { nodes { databaseId } } } } } }" % job
        )

        item = result.data["jobRetry"]["item"]
        assert item["pipeline"]["jobs"]["nodes"] == [{"databaseId": item["databaseId"]}]


class TestPlay:
    def test_variables_reach_the_job(self, gate):
        job = gate.job("manual", when="manual")

        result = gate.ask(
            "mutation { jobPlay(input: {job: {path: {project: 10, job: %d}}, variables:"
            ' [{key: "A", value: "1"}, {key: "B", value: "zwei"}]}) { userErrors { code } } }' % job
        )

        (sent,) = [call for call in gate.sandbox.received if f"/{job}/play" in call.raw_path]
        assert result.data["jobPlay"]["userErrors"] == []
        assert b'{"key":"A","value":"1"}' in sent.body.replace(b" ", b"")
        assert b"zwei" in sent.body

    def test_a_job_that_is_not_manual_is_refused(self, gate):
        assert cell(gate, "jobPlay", gate.job("success")) == REFUSED


class TestBridges:
    @pytest.mark.parametrize("status", [status for status in TABLE if status != "canceling"])
    def test_retry_and_play(self, gate, status):
        expected = TABLE[status][1]
        assert cell(gate, "jobRetry", gate.job(status, bridge=True, when="manual")) == expected
        expected = ("same", "PENDING") if status == "manual" else REFUSED
        played = cell(gate, "jobPlay", gate.job(status, bridge=True, when="manual"))
        assert played == expected

    @pytest.mark.parametrize("mutation", ["jobCancel", "jobErase"])
    def test_the_upstream_knows_no_others(self, gate, mutation):
        assert cell(gate, mutation, gate.job("manual", bridge=True)) == "NOT_FOUND"

    @pytest.mark.parametrize("mutation", ["jobRetry", "jobPlay"])
    def test_what_comes_back_is_a_bridge(self, gate, mutation):
        status = "failed" if mutation == "jobRetry" else "manual"
        pipeline = gate.pipeline()
        bridge = gate.job(status, bridge=True, when="manual", pipeline=pipeline)

        result, _, item = act(gate, mutation, bridge)

        assert item["__typename"] == "Bridge"
        assert item["id"] == global_id(b"Bridge:10:%d:%d" % (pipeline, item["databaseId"]))
        # Nothing in the answer to a retry tells it from an old version's job: one read does.
        assert len(result.calls) == (2 if mutation == "jobRetry" else 1)

    def test_a_job_that_asks_for_a_runner_tagged_bridge_is_a_job(self, gate):
        pipeline = gate.pipeline()
        job = gate.job("failed", pipeline=pipeline, tags=["bridge"])

        result = gate.ask(
            'mutation { jobRetry(input: {job: {id: "%s"}}) { item { __typename } } }'
            % global_id(b"Job:10:%d:%d" % (pipeline, job))
        )

        assert result.data["jobRetry"] == {"item": {"__typename": "Job"}}

    def test_the_retried_one_is_read_before_the_list_hides_it(self, gate):
        pipeline = gate.pipeline()
        bridge = gate.job("failed", bridge=True, pipeline=pipeline)

        result = gate.ask(
            'mutation { jobRetry(input: {job: {id: "%s"}})'
            " { item { databaseId } previous { __typename databaseId status } } }"
            % global_id(b"Bridge:10:%d:%d" % (pipeline, bridge))
        )

        assert result.errors == {}
        assert [call.partition("?")[0] for call in result.calls] == [
            f"GET /projects/10/pipelines/{pipeline}/bridges",
            f"POST /projects/10/jobs/{bridge}/retry",
        ]
        assert len(result.calls) <= result.estimated
        assert result.data["jobRetry"]["previous"] == {
            "__typename": "Bridge",
            "databaseId": bridge,
            "status": "FAILED",
        }


class TestIfStatus:
    CANCEL = (
        "mutation { jobCancel(input: {job: {path: {project: 10, job: %d}}, ifStatus: [%s]})"
        " { job { status } userErrors { code } } }"
    )

    def test_where_it_holds_the_write_follows_the_read(self, gate):
        job = gate.job("running")

        result = gate.ask(self.CANCEL % (job, "PENDING, RUNNING"))

        assert result.data["jobCancel"] == {"job": {"status": "CANCELED"}, "userErrors": []}
        assert result.calls == [
            f"GET /projects/10/jobs/{job}",
            f"POST /projects/10/jobs/{job}/cancel",
        ]
        assert result.estimated == 3

    def test_where_it_does_not_nothing_is_written(self, gate):
        job = gate.job("success")

        result = gate.ask(self.CANCEL % (job, "RUNNING"))

        assert result.data["jobCancel"] == {
            "job": {"status": "SUCCESS"},
            "userErrors": [{"code": "STATUS_CHANGED"}],
        }
        assert result.calls == [f"GET /projects/10/jobs/{job}"]


class TestLostAnswers:
    @pytest.fixture(autouse=True)
    def no_faults_left(self, gate):
        yield
        gate.sandbox.faults.clear()

    @pytest.mark.parametrize("mutation", MUTATIONS)
    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "reset"},
            {"kind": "reset", "executed": True},
            {"kind": "html"},
            {"kind": "status", "status": 500},
            {"kind": "status", "status": 502},
            {"kind": "status", "status": 504, "executed": True},
        ],
        ids=str,
    )
    def test_a_write_whose_answer_is_lost_is_not_sent_again(self, gate, mutation, fault):
        job = gate.job("failed", when="manual", log=b"x")
        action = mutation.removeprefix("job").lower()
        gate.sandbox.faults.append(Fault(method="POST", **fault))

        result = gate.ask(
            "mutation { %s(input: {job: {path: {project: 10, job: %d}}}) { userErrors { code } } }"
            % (mutation, job)
        )

        assert result.data[mutation] == {"userErrors": [{"code": "OUTCOME_UNKNOWN"}]}
        assert result.calls == [f"POST /projects/10/jobs/{job}/{action}"]

    @pytest.mark.parametrize("mutation", MUTATIONS)
    @pytest.mark.parametrize("kind", ["cut_body", "broken_json"])
    def test_a_write_is_done_though_its_answer_cannot_be_read(self, gate, mutation, kind):
        """The status said so; what became of the job is read, but a new attempt has no name."""
        job = gate.job("failed", when="manual", log=b"x")
        if mutation == "jobCancel":
            job = gate.job("running")
        gate.sandbox.faults.append(Fault(method="POST", kind=kind))

        result, payload, item = act(gate, mutation, job)

        posts = [call for call in result.calls if call.startswith("POST")]
        assert (len(posts), payload["userErrors"]) == (1, [])
        if mutation == "jobRetry":
            assert item is None
            assert result.codes == {"jobRetry.item": "UPSTREAM_INVALID"}
            assert f"job {job} was retried" in result.errors["jobRetry.item"]["message"]
        else:
            assert result.errors == {}
            assert item["databaseId"] == job
            assert result.calls == [*posts, f"GET /projects/10/jobs/{job}"]

    @pytest.mark.parametrize("kind", ["rate_limit_global", "rate_limit_endpoint"])
    def test_too_many_requests_are_told(self, gate, kind):
        job = gate.job("failed")
        gate.sandbox.faults.append(Fault(kind=kind, method="POST", retry_after=30))

        result = gate.ask(
            "mutation { jobRetry(input: {job: {path: {project: 10, job: %d}}})"
            " { userErrors { code retryAfter } } }" % job
        )

        assert result.data["jobRetry"]["userErrors"] == [
            {"code": "RATE_LIMITED", "retryAfter": 30.0}
        ]
        assert len(result.calls) == 1


@pytest.mark.parametrize("mutation", MUTATIONS)
class TestMovedProjects:
    def test_a_write_by_a_former_path_was_redirected(self, gate, mutation):
        job = gate.job("failed", when="manual", log=b"x", project=12)

        result, payload, _ = act(gate, mutation, job, project="lab/old-name")

        (error,) = payload["userErrors"]
        assert error == {"code": "REDIRECTED", "field": ["job", "path"]}
        assert [call for call in result.calls if call.startswith("POST")] == result.calls[:1]

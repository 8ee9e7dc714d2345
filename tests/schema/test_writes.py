"""Mutations: what is sent, what is read besides, and what comes back as data."""

import pytest

from gateway.errors import (
    Forbidden,
    NotFound,
    OutcomeUnknown,
    Unauthenticated,
    UpstreamInvalid,
    UpstreamTimeout,
)
from gateway.schema.ids import global_id
from gateway.upstream import entities
from gateway.upstream.entities import Bridge, Job, Pipeline

AT = {"endpoint": "POST /projects/:id/jobs/:job_id/:action"}
PLACE = Pipeline(6, project_id=1)
JOB = Job(8, "manual", "deploy", pipeline=PLACE, artifacts=[])
CANCELED = Job(8, "canceled", "deploy", pipeline=PLACE, artifacts=[])
BRIDGE = Bridge(9, "success", "trigger", pipeline=PLACE)
BY_PATH = '{path: {project: "1", job: "8"}}'
JOB_ID, BRIDGE_ID = global_id(b"Job:1:6:8"), global_id(b"Bridge:1:6:9")
NOT_RETRYABLE = Forbidden("f", **AT, status=403, reason="403 Forbidden - Job is not retryable")


def names(context):
    return [name for name, *_ in context.asked]


class TestOneWrite:
    @pytest.mark.parametrize(
        ("field", "shown", "asked"),
        [
            ("jobCancel", "job", ("cancel", 1, 8, False)),
            ("jobErase", "job", ("erase", 1, 8)),
            ("jobRetry", "item", ("retry", 1, 8, None, None)),
            ("jobPlay", "item", ("play", 1, 8, (), None)),
        ],
    )
    def test_it_is_all_that_is_asked(self, ask, context, field, shown, asked):
        context.answers[asked[0]] = CANCELED if field == "jobCancel" else JOB

        result = ask(
            "mutation { %s(input: {job: %s})"
            " { %s { id name project { id } } userErrors { code } } }" % (field, BY_PATH, shown)
        )

        assert result.errors == []
        assert result.data[field] == {
            shown: {"id": JOB_ID, "name": "deploy", "project": {"id": global_id(b"Project:1")}},
            "userErrors": [],
        }
        assert context.asked == [asked]

    def test_it_carries_what_was_given(self, ask, context):
        context.answers["play"] = JOB

        ask(
            'mutation { jobPlay(input: {job: %s, variables: [{key: "A", value: "1"},'
            ' {key: "B", value: ""}], inputs: {tier: "x"}}) { userErrors { code } } }' % BY_PATH
        )

        assert context.asked == [("play", 1, 8, (("A", "1"), ("B", "")), {"tier": "x"})]

    def test_force_goes_with_cancel(self, ask, context):
        context.answers["cancel"] = JOB

        ask(
            "mutation { jobCancel(input: {job: %s, force: true}) { userErrors { code } } }"
            % BY_PATH
        )

        assert context.asked == [("cancel", 1, 8, True)]


class TestRefused:
    def test_it_is_data(self, ask, context):
        context.answers["retry"] = NOT_RETRYABLE

        result = ask(
            "mutation { jobRetry(input: {job: %s})"
            " { item { id } userErrors { code field message } } }" % BY_PATH
        )

        assert result.errors == []
        assert result.data["jobRetry"] == {
            "item": None,
            "userErrors": [
                {
                    "code": "NOT_ALLOWED_IN_STATUS",
                    "field": ["job", "path"],
                    "message": f"cannot retry job 8 as it is now: {NOT_RETRYABLE.reason}",
                }
            ],
        }
        assert names(context) == ["retry"]

    def test_the_job_is_read_when_selected(self, ask, context):
        context.answers["erase"] = Forbidden("f", **AT, status=403, reason="403 Forbidden")
        context.answers["job"] = JOB

        result = ask(
            'mutation { jobErase(input: {job: {id: "%s"}}) { job { name } userErrors { code } } }'
            % JOB_ID
        )

        assert result.data["jobErase"] == {
            "job": {"name": "deploy"},
            "userErrors": [{"code": "FORBIDDEN"}],
        }
        assert context.asked == [("erase", 1, 8), ("job", 1, 8, 6)]

    def test_one_that_is_not_there_is_not_read_again(self, ask, context):
        context.answers["cancel"] = NotFound("n", **AT, status=404)

        result = ask(
            "mutation { jobCancel(input: {job: %s}) { job { id } userErrors { code } } }" % BY_PATH
        )

        assert result.data["jobCancel"] == {"job": None, "userErrors": [{"code": "NOT_FOUND"}]}
        assert names(context) == ["cancel"]

    def test_a_lost_answer_is_told(self, ask, context):
        context.answers["retry"] = OutcomeUnknown("lost", **AT)
        context.answers["job"] = JOB

        result = ask(
            "mutation { jobRetry(input: {job: %s}) { previous { status } userErrors { code } } }"
            % BY_PATH
        )

        assert result.data["jobRetry"] == {
            "previous": {"status": "MANUAL"},
            "userErrors": [{"code": "OUTCOME_UNKNOWN"}],
        }


class TestFailed:
    @pytest.mark.parametrize(
        "error",
        [Unauthenticated("no credential", **AT, status=401), UpstreamTimeout("too slow", **AT)],
    )
    def test_it_is_an_error_that_leaves_the_writes_before_it(self, ask, context, error):
        context.answers["cancel"] = JOB
        context.answers["erase"] = error

        result = ask(
            "mutation { jobCancel(input: {job: %s}) { job { name } }"
            " jobErase(input: {job: %s}) { job { name } } }" % (BY_PATH, BY_PATH)
        )

        assert result.data == {"jobCancel": {"job": {"name": "deploy"}}, "jobErase": None}
        assert result.errors == [("jobErase", error.message)]

    def test_a_name_of_nothing_is_an_error(self, ask, context):
        result = ask('mutation { jobCancel(input: {job: {id: "x"}}) { userErrors { code } } }')

        assert result.data == {"jobCancel": None}
        assert context.asked == []


class TestIfStatus:
    CANCEL = (
        "mutation { jobCancel(input: {job: %s, ifStatus: [%s]})"
        " { job { status } userErrors { code field message } } }"
    )

    def test_where_it_holds_the_write_follows(self, ask, context):
        context.answers["job"], context.answers["cancel"] = JOB, CANCELED

        result = ask(self.CANCEL % (BY_PATH, "RUNNING, MANUAL"))

        assert result.data["jobCancel"] == {"job": {"status": "CANCELED"}, "userErrors": []}
        assert names(context) == ["job", "cancel"]

    def test_where_it_does_not_nothing_is_written(self, ask, context):
        context.answers["job"] = JOB

        result = ask(self.CANCEL % (BY_PATH, "RUNNING"))

        assert result.data["jobCancel"]["userErrors"] == [
            {
                "code": "STATUS_CHANGED",
                "field": ["ifStatus"],
                "message": "did not cancel job 8: its status is 'manual', not one of RUNNING",
            }
        ]
        assert set(names(context)) == {"job"}

    def test_what_is_not_there_has_no_status(self, ask, context):
        context.answers["job"] = NotFound("n", **AT, status=404)

        result = ask(self.CANCEL % (BY_PATH, "RUNNING"))

        assert [error["code"] for error in result.data["jobCancel"]["userErrors"]] == ["NOT_FOUND"]
        assert names(context) == ["job"]

    def test_a_status_that_cannot_be_read_is_an_error(self, ask, context):
        context.answers["job"] = UpstreamInvalid("no job at all", **AT, status=200)

        result = ask(self.CANCEL % (BY_PATH, "RUNNING"))

        assert result.errors == [("jobCancel", "no job at all")]
        assert names(context) == ["job"]

    def test_no_status_at_all_is_refused(self, ask, context):
        result = ask(self.CANCEL % (BY_PATH, ""))

        assert result.errors == [
            ("jobCancel", "ifStatus: give at least one status, or leave it out")
        ]
        assert context.asked == []

    def test_of_a_bridge_it_is_read_as_one(self, ask, context):
        context.answers["bridge"] = BRIDGE
        context.answers["retry"] = JOB

        ask(
            'mutation { jobRetry(input: {job: {id: "%s"}, ifStatus: [SUCCESS]})'
            " { userErrors { code } } }" % BRIDGE_ID
        )

        assert context.asked == [("bridge", 1, 6, 9), ("retry", 1, 9, True, None)]


class TestBridges:
    RETRIED = Bridge(10, "pending", "trigger", pipeline=PLACE)

    @pytest.mark.parametrize(
        ("ref", "asked"),
        [
            ('{id: "%s"}' % BRIDGE_ID, [("bridge", 1, 6, 9), ("retry", 1, 9, True, None)]),
            (
                '{path: {project: "1", job: "9"}}',
                [("retry", 1, 9, None, None), ("bridge", 1, 6, 9)],
            ),
        ],
    )
    def test_what_was_retried_is_read_before_where_it_is_known_to_be_one(
        self, ask, context, ref, asked
    ):
        context.answers["retry"] = self.RETRIED
        context.answers["bridge"] = BRIDGE

        result = ask(
            "mutation { jobRetry(input: {job: %s}) { item { __typename id }"
            " previous { __typename id } } }" % ref
        )

        assert result.data["jobRetry"] == {
            "item": {"__typename": "Bridge", "id": global_id(b"Bridge:1:6:10")},
            "previous": {"__typename": "Bridge", "id": BRIDGE_ID},
        }
        assert context.asked == asked

    def test_a_job_is_known_by_its_id(self, ask, context):
        context.answers["retry"] = JOB

        ask('mutation { jobRetry(input: {job: {id: "%s"}}) { userErrors { code } } }' % JOB_ID)

        assert context.asked == [("retry", 1, 8, False, None)]

    def test_a_played_one_is_a_bridge(self, ask, context):
        context.answers["play"] = BRIDGE

        result = ask(
            'mutation { jobPlay(input: {job: {id: "%s"}}) { item { __typename name'
            " ... on Bridge { downstreamPipeline { id } } } } }" % BRIDGE_ID
        )

        assert result.data["jobPlay"]["item"] == {
            "__typename": "Bridge",
            "name": "trigger",
            "downstreamPipeline": None,
        }

    @pytest.mark.parametrize("field", ["jobCancel", "jobErase"])
    def test_what_they_do_not_have_is_not_found(self, ask, context, field):
        context.answers[field[3:].lower()] = NotFound("n", **AT, status=404)

        result = ask(
            'mutation { %s(input: {job: {id: "%s"}}) { job { id } userErrors { code } } }'
            % (field, BRIDGE_ID)
        )

        assert result.data[field] == {"job": None, "userErrors": [{"code": "NOT_FOUND"}]}


class TestVariables:
    PLAY = (
        "mutation ($variables: [JobVariable!], $inputs: JSON) { jobPlay(input: {job: %s,"
        " variables: $variables, inputs: $inputs}) { userErrors { code field } } }" % BY_PATH
    )

    @pytest.mark.parametrize(
        ("variables", "inputs", "field"),
        [
            ([{"key": "", "value": "1"}], None, ["variables", "0", "key"]),
            (
                [{"key": "A", "value": "1"}, {"key": "A", "value": "2"}],
                None,
                ["variables", "1", "key"],
            ),
            ([], ["x"], ["inputs"]),
            ([], "x", ["inputs"]),
        ],
    )
    def test_what_cannot_be_used_is_not_sent(self, ask, context, variables, inputs, field):
        result = ask(self.PLAY, variables=variables, inputs=inputs)

        assert result.data["jobPlay"] == {
            "userErrors": [{"code": "INVALID_VARIABLES", "field": field}]
        }
        assert context.asked == []

    def test_inputs_of_a_retry_are_checked_too(self, ask, context):
        result = ask(
            "mutation { jobRetry(input: {job: %s, inputs: 5}) { userErrors { code } } }" % BY_PATH
        )

        assert result.data["jobRetry"] == {"userErrors": [{"code": "INVALID_VARIABLES"}]}
        assert context.asked == []


class TestOldestAnswers:
    """Answers to writes as the oldest documents show them: without pipeline, without files."""

    BARE = Job(8, "success", "deploy", asked_project=1)
    CANCEL = "mutation { jobCancel(input: {job: %s}) { job { %s } } }"

    def test_they_are_enough_for_what_they_hold(self, ask, context):
        context.answers["cancel"] = self.BARE

        ask(self.CANCEL % (BY_PATH, "name status webUrl"))

        assert names(context) == ["cancel"]

    @pytest.mark.parametrize("selection", ["id", "pipeline { id }", "project { id }"])
    def test_the_place_is_read_when_selected(self, ask, context, selection):
        context.answers["cancel"] = self.BARE
        context.answers["job"] = JOB

        result = ask(self.CANCEL % (BY_PATH, selection))

        assert result.errors == []
        assert context.asked == [("cancel", 1, 8, False), ("job", 1, 8)]

    @pytest.mark.parametrize("selection", ["artifacts { fileType }", "erasable"])
    def test_files_are_read_when_selected(self, ask, context, selection):
        context.answers["cancel"] = Job(8, "success", "deploy", pipeline=PLACE)
        context.answers["artifacts"] = [entities.Artifact("trace")]

        result = ask(self.CANCEL % (BY_PATH, selection))

        assert result.data["jobCancel"]["job"] in (
            {"artifacts": [{"fileType": "trace"}]},
            {"erasable": True},
        )
        assert names(context) == ["cancel", "artifacts"]

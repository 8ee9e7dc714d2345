"""Pipelines as a whole: items, stages, summary, attempts and descendants, with their calls."""

from collections import Counter

import pytest

PIPELINE = '{ pipeline(by: {path: {project: "10", pipeline: "%d"}}) { %s } }'
PATH = '{ pipeline(by: {path: {project: "lab/open", pipeline: "%d"}}) { %s } }'
STAGES = "stages { partial nodes { name status startedAt finishedAt duration items { name } } }"
SUMMARY = (
    "summary { total partial failedCount computeTime byStatus { status count }"
    " failed { name } longest { name } }"
)
ATTEMPTS = "attempts { partial nodes { databaseId } } retried flaky"


def ask_pipeline(gate, pipeline, selected, **options):
    result = gate.ask(PIPELINE % (pipeline, selected), **options)
    assert result.errors == {}
    return result.data["pipeline"]


def names(rows):
    return [row["name"] for row in rows]


class TestWhole:
    ALL = (
        f"items {{ nodes {{ name ... on Job {{ {ATTEMPTS} }} }} }} jobs {{ nodes {{ name }} }}"
        f" {STAGES} {SUMMARY}"
    )

    def test_all_of_it_takes_each_page_once(self, gate):
        pipeline = gate.pipeline()
        for number in range(250):
            gate.job(pipeline=pipeline, name=f"job {number}", stage="build")
        for number in range(12):
            gate.job(pipeline=pipeline, name=f"bridge {number}", stage="deploy", bridge=True)

        result = gate.ask(PATH % (pipeline, self.ALL))

        below = f"GET /projects/lab%2Fopen/pipelines/{pipeline}"
        assert result.errors == {}
        assert Counter(result.calls) == {
            f"{below}/jobs?page=1&per_page=100": 1,
            f"{below}/jobs?page=2&per_page=100": 1,
            f"{below}/jobs?page=3&per_page=100": 1,
            f"{below}/bridges?page=1&per_page=100": 1,
            # It shows that none was retried.
            f"{below}/jobs?page=1&per_page=100&include_retried=true": 1,
        }

    def test_pages_of_its_list_go_on_from_those_of_the_whole(self, gate):
        pipeline = gate.pipeline()
        jobs = [gate.job(pipeline=pipeline, name=f"job {number}") for number in range(30)]
        page = "items(first: 20) { nodes { databaseId } pageInfo { endCursor } }"
        first = ask_pipeline(gate, pipeline, f"{page} {STAGES}")["items"]

        cursor = first["pageInfo"]["endCursor"]
        second = ask_pipeline(gate, pipeline, page.replace("20", f'20, after: "{cursor}"'))

        found = [row["databaseId"] for row in first["nodes"] + second["items"]["nodes"]]
        assert found == jobs[::-1]

    def test_one_that_may_not_be_read_fails_each_field(self, gate):
        pipeline = gate.pipeline(11)

        result = gate.ask(
            f'{{ project(id: 11) {{ pipeline(databaseId: "{pipeline}") {{ id {STAGES} {SUMMARY}'
            f" items {{ nodes {{ name }} }} }} }} }}",
            role="outsider",
        )

        assert set(result.codes.values()) == {"NOT_FOUND"}
        assert result.data["project"]["pipeline"]["id"]


class TestItems:
    def test_both_kinds_stand_by_id(self, gate):
        pipeline = gate.pipeline()
        gate.job(pipeline=pipeline, name="a")
        gate.job(pipeline=pipeline, name="b", bridge=True)
        gate.job(pipeline=pipeline, name="c")

        items = ask_pipeline(
            gate, pipeline, "items { totalCount nodes { __typename name } edges { node { id } } }"
        )["items"]

        assert [(row["__typename"], row["name"]) for row in items["nodes"]] == [
            ("Job", "c"),
            ("Bridge", "b"),
            ("Job", "a"),
        ]
        assert items["totalCount"] == 3

    def test_statuses_and_retried_ones_are_asked_for_upstream(self, gate):
        pipeline = gate.pipeline()
        failed = gate.job("failed", pipeline=pipeline, name="a")
        gate.job("success", pipeline=pipeline, name="b")
        gate.sandbox.retry(failed)

        result = gate.ask(
            PIPELINE
            % (
                pipeline,
                "items(statuses: [FAILED], includeRetried: true) { nodes { databaseId } }",
            )
        )

        nodes = result.data["pipeline"]["items"]["nodes"]
        assert nodes == [{"databaseId": failed}]
        assert all("scope%5B%5D=failed" in call for call in result.calls)

    def test_a_cursor_of_another_pipeline_is_refused(self, gate):
        pipeline, other = gate.pipeline(), gate.pipeline()
        gate.job(pipeline=pipeline)
        cursor = ask_pipeline(gate, pipeline, "items { edges { cursor } }")["items"]["edges"][0]

        result = gate.ask(
            PIPELINE % (other, f'items(after: "{cursor["cursor"]}") {{ nodes {{ name }} }}')
        )

        assert result.codes == {"pipeline.items": "BAD_USER_INPUT"}


class TestStages:
    def test_a_retry_moves_none(self, gate):
        pipeline = gate.pipeline()
        built = gate.job("failed", pipeline=pipeline, name="compile", stage="build")
        gate.job(pipeline=pipeline, name="unit", stage="test")
        gate.job(pipeline=pipeline, name="child", stage="deploy", bridge=True)

        gate.sandbox.retry(built)
        stages = ask_pipeline(gate, pipeline, STAGES)["stages"]

        assert names(stages["nodes"]) == ["build", "test", "deploy"]
        assert [names(stage["items"]) for stage in stages["nodes"]] == [
            ["compile"],
            ["unit"],
            ["child"],
        ]

    @pytest.mark.parametrize(
        ("jobs", "status"),
        [
            ([("success", False), ("failed", True)], "SUCCESS"),
            ([("success", False), ("failed", False)], "FAILED"),
            ([("running", False), ("failed", False)], "RUNNING"),
            ([("success", False), ("manual", True)], "SUCCESS"),
            ([("manual", False), ("success", False)], "MANUAL"),
            ([("manual", True)], "SKIPPED"),
            ([("created", False), ("success", False)], "RUNNING"),
            ([("pending", False), ("created", False)], "PENDING"),
            ([("canceled", False), ("success", False)], "CANCELED"),
            ([("skipped", False)], "SKIPPED"),
            ([("canceling", False), ("success", False)], "CANCELING"),
            ([("of tomorrow", False), ("success", False)], "UNKNOWN"),
        ],
    )
    def test_the_status_that_counts(self, gate, jobs, status):
        pipeline = gate.pipeline()
        for number, (word, may_fail) in enumerate(jobs):
            made = gate.job(
                "success", pipeline=pipeline, name=f"job {number}", allow_failure=int(may_fail)
            )
            gate.sandbox.update_job(made, status=word)

        (stage,) = ask_pipeline(gate, pipeline, STAGES)["stages"]["nodes"]

        assert stage["status"] == status

    def test_times_run_from_the_first_start_to_the_last_end(self, gate):
        pipeline = gate.pipeline()
        for number, (start, end) in enumerate([("10", "20"), ("05", "12")]):
            made = gate.job(pipeline=pipeline, name=f"job {number}")
            gate.sandbox.update_job(
                made,
                started_at=f"2026-11-01T10:00:{start}.000Z",
                finished_at=f"2026-11-01T10:00:{end}.500Z",
            )

        (stage,) = ask_pipeline(gate, pipeline, STAGES)["stages"]["nodes"]

        assert stage["duration"] == 15.5
        assert stage["startedAt"] == "2026-11-01T10:00:05.000Z"
        assert stage["finishedAt"] == "2026-11-01T10:00:20.500Z"

    def test_a_stage_that_runs_has_a_duration_so_far_and_no_end(self, gate):
        pipeline = gate.pipeline()
        made = gate.job("running", pipeline=pipeline)
        gate.sandbox.update_job(made, started_at="2020-01-01T10:00:00.000Z")

        (stage,) = ask_pipeline(gate, pipeline, STAGES)["stages"]["nodes"]

        assert stage["finishedAt"] is None
        assert stage["duration"] > 0


class TestSummary:
    def test_it_counts_what_a_count_of_all_finds(self, gate):
        pipeline = gate.pipeline()
        for number, status in enumerate(["success", "failed", "failed", "manual", "running"]):
            gate.job(status, pipeline=pipeline, name=f"job {number}", worked=float(number))
        gate.job("failed", pipeline=pipeline, name="bridge", bridge=True)

        summary = ask_pipeline(gate, pipeline, SUMMARY)["summary"]

        assert summary["byStatus"] == [
            {"status": "RUNNING", "count": 1},
            {"status": "SUCCESS", "count": 1},
            {"status": "FAILED", "count": 3},
            {"status": "MANUAL", "count": 1},
        ]
        assert (summary["total"], summary["failedCount"], summary["partial"]) == (6, 3, False)
        assert names(summary["failed"]) == ["bridge", "job 2", "job 1"]

    def test_an_empty_pipeline_has_figures(self, gate):
        summary = ask_pipeline(gate, gate.pipeline(), SUMMARY)["summary"]

        assert summary == {
            "total": 0,
            "partial": False,
            "failedCount": 0,
            "computeTime": 0.0,
            "byStatus": [],
            "failed": [],
            "longest": None,
        }

    def test_a_cut_list_is_told(self, gate):
        pipeline = gate.pipeline()
        for number in range(510):
            gate.job(pipeline=pipeline, name=f"job {number}", stage="test")

        found = ask_pipeline(gate, pipeline, f"{SUMMARY} stages {{ partial }}")

        assert (found["summary"]["total"], found["summary"]["partial"]) == (500, True)
        assert found["stages"]["partial"]


class TestAttempts:
    def test_they_are_the_runs_of_one_name(self, gate):
        pipeline = gate.pipeline()
        first = gate.job("failed", pipeline=pipeline, name="unit")
        other = gate.job(pipeline=pipeline, name="lint")
        second = gate.sandbox.retry(first)
        gate.sandbox.set_status(second, "success")

        jobs = ask_pipeline(
            gate, pipeline, f"jobs(includeRetried: true) {{ nodes {{ databaseId {ATTEMPTS} }} }}"
        )["jobs"]["nodes"]

        runs = [{"databaseId": second}, {"databaseId": first}]
        attempts = {"partial": False, "nodes": runs}
        assert jobs == [
            {"databaseId": second, "attempts": attempts, "retried": False, "flaky": True},
            {
                "databaseId": other,
                "attempts": {"partial": False, "nodes": [{"databaseId": other}]},
                "retried": False,
                "flaky": False,
            },
            {"databaseId": first, "attempts": attempts, "retried": True, "flaky": True},
        ]

    def test_all_jobs_of_a_page_share_one_list(self, gate):
        pipeline = gate.pipeline()
        for number in range(60):
            gate.job(pipeline=pipeline, name=f"job {number}")

        result = gate.ask(PATH % (pipeline, f"jobs(first: 50) {{ nodes {{ {ATTEMPTS} }} }}"))

        assert len(result.calls) == 2
        assert result.estimated == 7

    def test_fewer_than_there_are_is_told(self, gate):
        first = gate.job("failed")
        second = gate.sandbox.retry(first)

        result = gate.ask(
            f'{{ job(by: {{path: {{project: 10, job: "{first}"}}}})'
            " { attempts(first: 1) { partial nodes { databaseId } } } }"
        )

        assert result.data["job"]["attempts"] == {
            "partial": True,
            "nodes": [{"databaseId": second}],
        }


class TestDescendants:
    TREE = (
        "descendants(first: 20) { partial nodes { depth bridge { name } pipeline { id status } } }"
    )

    def test_a_tree_over_three_projects_takes_a_call_a_pipeline(self, gate):
        # Two children each, three generations below the root.
        projects = [10, 11, 12]
        made = [gate.pipeline(10)]
        for number in range(14):
            project = projects[number % 3]
            made.append(gate.pipeline(project))
            parent = made[number // 2]
            gate.job(
                project=next(p for p in projects if parent in ids_of(gate, p)),
                pipeline=parent,
                name=f"bridge {number}",
                bridge=True,
                downstream_id=made[-1],
            )

        result = gate.ask(PIPELINE % (made[0], self.TREE))

        nodes = result.data["pipeline"]["descendants"]["nodes"]
        assert result.errors == {}
        assert len(result.calls) == 15
        assert [node["depth"] for node in nodes] == [1] * 2 + [2] * 4 + [3] * 8

    def test_an_invisible_project_is_null_with_its_error(self, gate):
        root, hidden = gate.pipeline(10), gate.pipeline(11)
        gate.job(pipeline=root, name="a", bridge=True, downstream_id=hidden)

        result = gate.ask(PIPELINE % (root, self.TREE), role="outsider")

        (node,) = result.data["pipeline"]["descendants"]["nodes"]
        assert (node["depth"], node["bridge"], node["pipeline"]) == (1, {"name": "a"}, None)
        assert result.codes == {"pipeline.descendants.nodes.0.pipeline": "NOT_FOUND"}

    @pytest.mark.parametrize("arguments", ["maxDepth: 0", "first: 0"])
    def test_a_reach_of_nothing_is_refused(self, gate, arguments):
        result = gate.ask(PIPELINE % (gate.pipeline(), f"descendants({arguments}) {{ partial }}"))

        assert result.codes == {"pipeline.descendants": "BAD_USER_INPUT"}


def ids_of(gate, project):
    rows = gate.sandbox.store.pipelines("project_id = ?", [project], "id", limit=1000)
    return {row.id for row in rows}

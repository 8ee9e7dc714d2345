"""Filters of jobs: what fits, how far is read for it, and where a page ends."""

import pytest

PROJECT = "{ project(id: 12) { jobs(%s) { scanned totalCount nodes { databaseId } %s } } }"
PAGE = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"


def ask_jobs(gate, arguments, selected=PAGE):
    result = gate.ask(PROJECT % (arguments, selected))
    assert result.errors == {}
    return result, result.data["project"]["jobs"]


def ids(page):
    return [row["databaseId"] for row in page["nodes"]]


@pytest.fixture(scope="module")
def jobs(gate):
    """Of project 12, oldest first: 300 jobs, of which every seventh is a failed `unit` job."""
    pipeline = gate.pipeline(12)
    return [
        gate.job(
            "failed" if number % 7 == 0 else "success",
            project=12,
            pipeline=pipeline,
            name=f"unit {number}" if number % 7 == 0 else f"build {number}",
            stage="test" if number % 2 else "build",
            ref="main" if number % 3 else "topic",
            worked=float(number % 10),
        )
        for number in range(300)
    ]


def numbers(jobs, found):
    return [jobs.index(job) for job in found]


class TestWhatFits:
    @pytest.mark.parametrize(
        ("given", "fits"),
        [
            ('names: ["unit *"]', lambda n: n % 7 == 0),
            ('names: ["build 1", "unit 7"]', lambda n: n in {1, 7}),
            ('stages: ["test"]', lambda n: n % 2 == 1),
            ('refs: ["topic"]', lambda n: n % 3 == 0),
            ('refs: ["topic", "main"], names: ["unit*"]', lambda n: n % 7 == 0),
            ("failureReasons: [SCRIPT_FAILURE]", lambda n: n % 7 == 0),
            ("failureReasons: [UNKNOWN]", lambda _: False),
            ("minDuration: 8", lambda n: n % 10 >= 8),
            ("allowFailure: true", lambda _: False),
            ('createdAfter: "2000-01-01T00:00:00Z", names: ["unit*"]', lambda n: n % 7 == 0),
            ('createdAfter: "2100-01-01T00:00:00Z"', lambda _: False),
            ('tagList: ["of no runner"]', lambda _: False),
        ],
    )
    def test_it_is_what_a_look_at_all_finds(self, gate, jobs, given, fits):
        expected = [number for number in range(299, -1, -1) if fits(number)][:100]

        _, page = ask_jobs(gate, f"first: 100, filter: {{{given}}}")

        assert numbers(jobs, ids(page)) == expected

    def test_artifacts_are_files_besides_the_log(self, gate):
        pipeline = gate.pipeline()
        plain = gate.job(pipeline=pipeline, name="plain", artifacts=["trace"])
        packed = gate.job(pipeline=pipeline, name="packed", artifacts=["archive", "trace"])
        document = (
            '{ pipeline(by: {path: {project: "10", pipeline: "%d"}}) {'
            " with: jobs(filter: {hasArtifacts: true}) { nodes { databaseId } }"
            " without: jobs(filter: {hasArtifacts: false}) { nodes { databaseId } } } }"
        )

        found = gate.ask(document % pipeline).data["pipeline"]

        assert (ids(found["with"]), ids(found["without"])) == ([packed], [plain])

    def test_an_empty_filter_lets_all_pass_by_one_call(self, gate, jobs):
        result, page = ask_jobs(gate, "first: 5, filter: {}")

        assert numbers(jobs, ids(page)) == [299, 298, 297, 296, 295]
        assert len(result.calls) == 1


class TestCalls:
    def test_statuses_and_one_ref_are_asked_for_upstream(self, gate, jobs):
        result, page = ask_jobs(
            gate, 'statuses: [FAILED], filter: {refs: ["topic"], names: ["*"]}', ""
        )

        (call,) = result.calls
        assert "scope%5B%5D=failed" in call
        assert "ref=topic" in call
        assert page["scanned"] == len(ids(page)) == 15

    def test_reading_ends_when_the_page_is_full(self, gate, jobs):
        result, page = ask_jobs(gate, 'first: 5, filter: {names: ["unit*"]}')

        assert len(result.calls) == 1
        assert page["scanned"] == 100
        assert page["totalCount"] is None

    def test_reading_ends_with_the_first_that_is_too_old(self, gate, jobs):
        result, page = ask_jobs(gate, 'filter: {createdAfter: "2100-01-01T00:00:00Z"}')

        assert len(result.calls) == 1
        assert not page["pageInfo"]["hasNextPage"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ('filter: {names: ["a"]}, scanLimit: 0', "scanLimit"),
            ('filter: {names: ["a"]}, scanLimit: 10001', "scanLimit"),
            ('filter: {createdAfter: "yesterday"}', "filter.createdAfter"),
            ("filter: {minDuration: -1}", "filter.minDuration"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, gate, arguments, message):
        result = gate.ask(PROJECT % (arguments, ""))

        assert result.codes == {"project.jobs": "BAD_USER_INPUT"}
        assert message in result.errors["project.jobs"]["message"]
        assert result.calls == []


class TestPages:
    """All pages together are the list, whatever ends each of them."""

    @pytest.mark.parametrize("first", [1, 4, 100])
    @pytest.mark.parametrize("scan_limit", [30, 100, 500])
    @pytest.mark.parametrize("where", ["project", "pipeline", "failed"])
    def test_forward_nothing_is_repeated_or_skipped(self, gate, jobs, first, scan_limit, where):
        asked, found, empty = "", [], 0
        while True:
            page = self.page(gate, jobs, where, f"first: {first}, scanLimit: {scan_limit}{asked}")
            found += ids(page)
            empty += not ids(page)
            assert page["scanned"] <= scan_limit
            if not page["pageInfo"]["hasNextPage"]:
                break
            asked = f', after: "{page["pageInfo"]["endCursor"]}"'

        assert numbers(jobs, found) == [*range(294, -1, -42)]
        # Every 42nd fits: where 30 are read at most, some pages have none.
        assert bool(empty) or scan_limit > 30 or where == "failed"

    @pytest.mark.parametrize("last", [1, 100])
    @pytest.mark.parametrize("scan_limit", [30, 500])
    @pytest.mark.parametrize("where", ["project", "pipeline"])
    def test_backward_too(self, gate, jobs, last, scan_limit, where):
        asked, found = "", []
        while True:
            page = self.page(gate, jobs, where, f"last: {last}, scanLimit: {scan_limit}{asked}")
            found = ids(page) + found
            if not page["pageInfo"]["hasPreviousPage"]:
                break
            asked = f', before: "{page["pageInfo"]["startCursor"]}"'

        assert numbers(jobs, found) == [*range(294, -1, -42)]

    def page(self, gate, jobs, where, arguments):
        # Failed (by 7), in the stage build (by 2), for topic (by 3).
        fits = 'names: ["unit*"], stages: ["build"], refs: ["topic", "?"]'
        statuses = ", statuses: [FAILED]" if where == "failed" else ""
        asked = f"jobs({arguments}{statuses}, filter: {{{fits}}})"
        shown = f"{{ scanned nodes {{ databaseId }} {PAGE} }}"
        pipeline = gate.sandbox.jobs(12)[0].pipeline_id
        below = asked if where == "project" else f'pipeline(databaseId: "{pipeline}") {{ {asked}'
        end = "" if where == "project" else " }"
        result = gate.ask(f"{{ project(id: 12) {{ {below} {shown}{end} }} }}")
        assert result.errors == {}
        found = result.data["project"]
        return found["jobs"] if where == "project" else found["pipeline"]["jobs"]

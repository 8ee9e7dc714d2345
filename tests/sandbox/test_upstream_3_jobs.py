"""upstream.md, 3: who may read, 3.1 to 3.5. A class per endpoint, a test per row or sentence."""

import pytest

OPEN, CLOSED, MEMBERS = 10, 11, 14
FORBIDDEN = (403, {"message": "403 Forbidden"})
NOT_FOUND = (404, {"message": "404 Not found"})
PROJECT_UNKNOWN = (404, {"message": "404 Project Not Found"})
UNAUTHORIZED = (401, {"message": "401 Unauthorized"})
BAD_SCOPE = (400, {"error": "scope does not have a valid value"})


class TestRoles:
    """upstream.md, 3, first paragraph."""

    READS = ("/jobs", "/jobs/{job}", "/jobs/{job}/trace", "/pipelines/{pipeline}/jobs")

    @pytest.mark.parametrize("route", READS)
    @pytest.mark.parametrize(
        ("role", "status"),
        [("outsider", 404), ("guest", 403), ("reporter", 200), ("developer", 200), ("admin", 200)],
    )
    def test_private_project_without_public_pipelines(self, lab, route, role, status):
        pipeline = lab.pipeline(project=CLOSED)
        job = lab.job(project=CLOSED, pipeline=pipeline)

        target = f"/projects/11{route.format(job=job, pipeline=pipeline)}"

        assert lab.as_(role).get(target).status == status

    @pytest.mark.parametrize("route", READS)
    def test_with_public_pipelines_guests_read(self, lab, route):
        pipeline = lab.pipeline(project=MEMBERS)
        job = lab.job(project=MEMBERS, pipeline=pipeline)

        target = f"/projects/14{route.format(job=job, pipeline=pipeline)}"

        assert lab.as_("guest").get(target).status == 200
        assert lab.as_("outsider").get(target).said == PROJECT_UNKNOWN

    @pytest.mark.parametrize(
        "route", ["", "/{pipeline}", "/{pipeline}/jobs", "/{pipeline}/bridges"]
    )
    def test_with_public_pipelines_anonymous_reads_pipeline_routes(self, lab, route):
        target = f"pipelines{route.format(pipeline=lab.pipeline())}"
        closed = f"pipelines{route.format(pipeline=lab.pipeline(project=CLOSED))}"

        assert lab.as_(None).get(f"/projects/10/{target}").status == 200
        assert lab.as_(None).get(f"/projects/11/{closed}").said == PROJECT_UNKNOWN


class TestProjectJobs:
    """upstream.md, 3.1"""

    @pytest.fixture
    def jobs(self, lab) -> dict[str, int]:
        return {word: lab.job(word) for word in ("failed", "success", "pending")}

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("scope=failed", {"failed"}),
            ("scope[]=failed&scope[]=success", {"failed", "success"}),
            ("scope%5B%5D=failed", {"failed"}),
            ("scope=%5B%22failed%22,%22pending%22%5D", {"failed", "pending"}),
            ("scope[0]=failed&scope[1]=success", {"failed", "success"}),
            ("", {"failed", "success", "pending"}),
        ],
        ids=["string", "array", "encoded array", "JSON array", "hash", "absent"],
    )
    def test_scope_forms(self, lab, jobs, query, words):
        rows = lab.get(f"/projects/10/jobs?{query}").json()
        wanted = {jobs[word] for word in words}
        others = set(jobs.values()) - wanted

        ids = {row["id"] for row in rows}
        assert wanted <= ids
        assert not others & ids

    @pytest.mark.parametrize(
        "query", ["scope=bad", "scope[]=failed&scope[]=bad", "scope=failed,success"]
    )
    def test_scope_unknown_or_comma_list_is_400(self, lab, query):
        assert lab.get(f"/projects/10/jobs?{query}").said == BAD_SCOPE

    def test_ref_is_an_exact_name(self, lab):
        job = lab.job(ref="feature/x")

        assert lab.get("/projects/10/jobs?ref=feature/x").ids == [job]
        assert lab.get("/projects/10/jobs?ref=feature").said == (200, [])
        assert job in lab.get("/projects/10/jobs?ref=").ids
        assert len(lab.get("/projects/10/jobs?ref=").ids) > 1

    def test_builds_only_retried_included_newest_first(self, lab):
        bridge = lab.bridge()
        old = lab.job("failed")
        new = lab.post(f"/projects/10/jobs/{old}/retry").json()["id"]

        ids = lab.get("/projects/10/jobs").ids

        assert {old, new} <= set(ids)
        assert bridge not in ids
        assert ids == sorted(ids, reverse=True)

    def test_authentication_is_always_required(self, lab):
        assert lab.as_(None).get("/projects/10/jobs").said == UNAUTHORIZED

    def test_limit_is_600_a_minute_and_user(self, lab):
        lab.sandbox.limits.project_jobs = 600

        for _ in range(600):
            assert lab.get("/projects/10/jobs?per_page=1").status == 200

        assert lab.get("/projects/10/jobs").status == 429
        assert lab.as_("developer").get("/projects/10/jobs").status == 200
        lab.sandbox.advance(61)
        assert lab.get("/projects/10/jobs").status == 200


class TestPipelineJobs:
    """upstream.md, 3.2"""

    @pytest.mark.parametrize("query", ["scope=failed", "scope[]=failed"])
    def test_scope_as_string_or_array(self, lab, query):
        pipeline = lab.pipeline()
        failed = lab.job("failed", pipeline=pipeline)
        lab.job("success", pipeline=pipeline)

        assert lab.get(f"/projects/10/pipelines/{pipeline}/jobs?{query}").ids == [failed]

    def test_scope_as_hash_is_400(self, lab):
        target = f"/projects/10/pipelines/{lab.pipeline()}/jobs"
        assert lab.get(f"{target}?scope[0]=failed").said == (400, {"error": "scope is invalid"})

    @pytest.mark.parametrize("value", ["true", "True", "1", "t"])
    def test_include_retried(self, lab, value):
        pipeline = lab.pipeline()
        old = lab.job("failed", pipeline=pipeline)
        new = lab.post(f"/projects/10/jobs/{old}/retry").json()["id"]
        target = f"/projects/10/pipelines/{pipeline}/jobs"

        assert lab.get(target).ids == [new]
        assert lab.get(f"{target}?include_retried=false").ids == [new]
        assert lab.get(f"{target}?include_retried={value}").ids == [new, old]

    def test_include_retried_must_be_boolean(self, lab):
        target = f"/projects/10/pipelines/{lab.pipeline()}/jobs?include_retried=maybe"
        assert lab.get(target).said == (400, {"error": "include_retried is invalid"})

    def test_jobs_of_that_pipeline_only(self, lab):
        parent, child = lab.pipeline(), lab.pipeline(source="parent_pipeline")
        lab.bridge(pipeline=parent, downstream=child)
        of_parent, of_child = lab.job(pipeline=parent), lab.job(pipeline=child)

        assert lab.get(f"/projects/10/pipelines/{parent}/jobs").ids == [of_parent]
        assert lab.get(f"/projects/10/pipelines/{child}/jobs").ids == [of_child]

    def test_refusals(self, lab):
        foreign, own = lab.pipeline(project=CLOSED), lab.pipeline()
        del own

        assert lab.get(f"/projects/10/pipelines/{foreign}/jobs").said == NOT_FOUND
        target = f"/projects/11/pipelines/{foreign}/jobs"
        assert lab.as_("outsider").get(target).said == PROJECT_UNKNOWN
        assert lab.as_("guest").get(target).said == FORBIDDEN


class TestBridges:
    """upstream.md, 3.3"""

    def test_scope_paging_and_order_as_pipeline_jobs(self, lab):
        pipeline = lab.pipeline()
        failed = lab.bridge("failed", pipeline=pipeline)
        passed = lab.bridge("success", pipeline=pipeline)
        lab.job(pipeline=pipeline)
        target = f"/projects/10/pipelines/{pipeline}/bridges"

        answer = lab.get(target)

        assert answer.ids == [passed, failed]
        assert answer.header("x-total") == "2"
        assert lab.get(f"{target}?scope=failed").ids == [failed]
        assert lab.get(f"{target}?scope=bad").said == BAD_SCOPE
        assert lab.get(f"{target}?scope[0]=failed").said == (400, {"error": "scope is invalid"})

    def test_latest_only(self, lab):
        pipeline = lab.pipeline()
        old = lab.bridge("failed", pipeline=pipeline)
        new = lab.post(f"/projects/10/jobs/{old}/retry").json()["id"]

        assert lab.get(f"/projects/10/pipelines/{pipeline}/bridges").ids == [new]

    @pytest.mark.parametrize("value", ["true", "false"])
    def test_any_include_retried_shows_retried_bridges(self, lab, value):
        """*(derived, do not rely on it)*"""
        pipeline = lab.pipeline()
        old = lab.bridge("failed", pipeline=pipeline)
        new = lab.post(f"/projects/10/jobs/{old}/retry").json()["id"]

        target = f"/projects/10/pipelines/{pipeline}/bridges?include_retried={value}"

        assert lab.get(target).ids == [new, old]


class TestSingleJob:
    """upstream.md, 3.4"""

    def test_job(self, lab):
        job = lab.job("success")
        assert lab.get(f"/projects/10/jobs/{job}").json()["id"] == job

    def test_bridge_is_404(self, lab):
        assert lab.get(f"/projects/10/jobs/{lab.bridge()}").said == NOT_FOUND

    def test_authentication_is_required(self, lab):
        assert lab.as_(None).get(f"/projects/10/jobs/{lab.job()}").said == UNAUTHORIZED


class TestTrace:
    """upstream.md, 3.5"""

    LOG = "\x1b[0KRunning\r\nsection_start:1:a\r\x1b[0Kcafé\r\nsection_end:1:a\r\x1b[0Kdone\n"

    def trace(self, lab, query: str = "", **facts):
        job = lab.job("success", **{"log": self.LOG, **facts})
        return lab.get(f"/projects/10/jobs/{job}/trace{query}")

    def test_raw_log_as_plain_text(self, lab):
        answer = self.trace(lab)

        assert answer.status == 200
        assert answer.header("content-type").startswith("text/plain")
        assert answer.body == self.LOG.encode()

    def test_no_log_is_200_and_empty(self, lab):
        answer = self.trace(lab, log=None)

        assert (answer.status, answer.body) == (200, b"")
        assert answer.header("content-type").startswith("text/plain")

    def test_erased_is_200_and_empty(self, lab):
        job = lab.job("success", log=self.LOG)
        lab.post(f"/projects/10/jobs/{job}/erase")

        answer = lab.get(f"/projects/10/jobs/{job}/trace")

        assert (answer.status, answer.body) == (200, b"")

    def test_live_while_the_job_runs(self, lab):
        job = lab.job("running", log_lines=100, planned_s=100.0)
        target = f"/projects/10/jobs/{job}/trace"

        readings = []
        for _ in range(3):
            lab.sandbox.advance(20)
            readings.append(lab.get(target).body)

        first, second, third = readings
        assert 0 < len(first) < len(second) < len(third)
        assert third.startswith(second)
        assert second.startswith(first)
        assert b"section_start:" in third

    def test_unknown_job_or_bridge_is_404(self, lab):
        assert lab.get("/projects/10/jobs/987654321/trace").said == NOT_FOUND
        assert lab.get(f"/projects/10/jobs/{lab.bridge()}/trace").said == NOT_FOUND

    def test_disposition(self, lab):
        job = lab.job("success", log=self.LOG)
        answer = lab.get(f"/projects/10/jobs/{job}/trace")
        assert answer.header("content-disposition") == f'infile; filename="{job}.log"'

    def test_range_is_not_supported(self, lab):
        job = lab.job("success", log=self.LOG)

        answer = lab.get(f"/projects/10/jobs/{job}/trace", headers={"range": "bytes=0-3"})

        assert (answer.status, answer.body) == (200, self.LOG.encode())

    @pytest.mark.parametrize(
        ("query", "first", "last"),
        [
            ("?byte_offset=5", 5, None),
            ("?byte_limit=7", 0, 7),
            ("?byte_offset=5&byte_limit=7", 5, 12),
            ("?byte_offset=100000", 100_000, None),
            ("?byte_offset=0", 0, None),
            ("?byte_offset=38&byte_limit=1", 38, 39),
        ],
        ids=["to the end", "from 0", "both", "beyond the end", "zero", "inside a character"],
    )
    def test_slices_are_by_bytes(self, lab, query, first, last):
        answer = self.trace(lab, query)

        assert (answer.status, answer.body) == (200, self.LOG.encode()[first:last])

    @pytest.mark.parametrize(
        "query", ["?byte_offset=-1", "?byte_limit=0", "?byte_limit=512001", "?byte_offset=x"]
    )
    def test_bad_slices_are_400(self, lab, query):
        assert self.trace(lab, query).status == 400

    @pytest.mark.parametrize(
        ("role", "status"), [("reporter", 403), ("developer", 200), ("maintainer", 200)]
    )
    def test_debug_trace_needs_developer(self, lab, role, status):
        job = lab.job("success", log=self.LOG, debug=1)
        assert lab.as_(role).get(f"/projects/10/jobs/{job}/trace").status == status

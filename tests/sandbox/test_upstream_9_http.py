"""upstream.md, 9: HTTP behaviour. One test per paragraph or row, in their order."""

import hashlib
import json

import pytest

from gateway.sandbox import Fault

JOBS = "/projects/10/jobs"


class TestCaching:
    def test_json_reads_carry_a_weak_etag_and_cache_control(self, lab):
        answer = lab.get(JOBS)

        assert answer.header("etag").startswith('W/"')
        assert answer.header("cache-control") == "max-age=0, private, must-revalidate"
        assert answer.header("last-modified") is None

    def test_etag_is_over_the_body(self, lab):
        """The form of three recorded answers: 32 hex digits of the body's SHA-256."""
        answer = lab.get(JOBS)
        digest = hashlib.sha256(answer.body).hexdigest()[:32]
        assert answer.header("etag") == f'W/"{digest}"'

    def test_if_none_match_is_304_without_body(self, lab):
        job = lab.job("success")
        first = lab.get(f"{JOBS}/{job}")

        again = lab.get(f"{JOBS}/{job}", headers={"if-none-match": first.header("etag")})

        assert (again.status, again.body) == (304, b"")
        assert again.header("etag") == first.header("etag")

    def test_304_keeps_link_and_total(self, lab):
        """Recorded (field census, section 11)."""
        pipeline = lab.pipeline()
        lab.job("success", pipeline=pipeline)
        target = f"/projects/10/pipelines/{pipeline}/jobs"
        etag = lab.get(target).header("etag")

        again = lab.get(target, headers={"if-none-match": etag})

        assert again.status == 304
        assert again.header("x-total") == "1"
        assert "first" in again.links

    def test_304_counts_against_the_limit(self, lab):
        lab.sandbox.limits.project_jobs = 3
        etag = lab.get(JOBS).header("etag")

        statuses = [lab.get(JOBS, headers={"if-none-match": etag}).status for _ in range(3)]

        assert statuses == [304, 304, 429]

    def test_growing_durations_change_the_tag(self, lab):
        job = lab.job("running")
        first = lab.get(f"{JOBS}/{job}").header("etag")

        lab.sandbox.advance(1)

        answer = lab.get(f"{JOBS}/{job}", headers={"if-none-match": first})
        assert answer.status == 200

    def test_post_is_not_cacheable(self, lab):
        job = lab.job("success")
        answer = lab.post(f"{JOBS}/{job}/cancel", headers={"if-none-match": "*"})
        assert answer.status == 201


class TestRateLimits:
    def test_global_limiter_says_its_figures(self, lab):
        lab.sandbox.faults.append(Fault(kind="rate_limit_global", times=1, retry_after=30))

        answer = lab.get(JOBS)

        assert answer.status == 429
        figures = (
            "ratelimit-limit",
            "ratelimit-observed",
            "ratelimit-remaining",
            "ratelimit-reset",
        )
        assert all(answer.header(name).isdigit() for name in (*figures, "retry-after"))
        assert answer.header("ratelimit-name")

    def test_endpoint_limiter_is_json(self, lab):
        lab.sandbox.faults.append(Fault(kind="rate_limit_endpoint", times=1))

        answer = lab.get(JOBS)

        text = "This endpoint has been requested too many times. Try again later."
        assert answer.said == (429, {"message": {"error": text}})


class TestMovedProjects:
    OLD = "/projects/lab%2Fold-name"

    def test_get_is_301_with_the_numeric_id(self, lab):
        answer = lab.get(f"{self.OLD}/jobs?per_page=2")

        location = answer.header("location")
        assert answer.status == 301
        assert location == "http://127.0.0.1:8001/api/v4/projects/12/jobs?per_page=2"
        assert answer.text.strip('"') == f"This resource has been moved permanently to {location}"

    @pytest.mark.parametrize("method", ["POST", "HEAD"])
    def test_other_methods_are_405(self, lab, method):
        """HEAD counts as non-GET there *(derived)*."""
        assert lab.call(method, f"{self.OLD}/jobs/{lab.job(project=12)}/cancel").status in {
            404,
            405,
        }
        assert lab.call("HEAD", f"{self.OLD}/jobs").status == 405

    def test_letter_case_is_not_moved(self, lab):
        assert lab.get("/projects/LAB%2FNew-Name/jobs").status == 200

    @pytest.mark.sandbox(profile="16")
    def test_before_16_4_the_old_path_simply_worked(self, lab):
        assert lab.get(f"{self.OLD}/jobs").status == 200
        answer = lab.post(f"{self.OLD}/jobs/{lab.job('pending', project=12)}/cancel")
        assert answer.status == 201


class TestHead:
    @pytest.mark.parametrize("target", [JOBS, "/projects/10", "/projects/10/pipelines"])
    def test_head_works_wherever_get_does(self, lab, target):
        got, headed = lab.get(target), lab.call("HEAD", target)

        assert (headed.status, headed.body) == (got.status, b"")
        for name in ("content-type", "etag", "link", "x-page"):
            assert headed.header(name) == got.header(name)

    def test_head_of_a_log(self, lab):
        job = lab.job("success", log="x")
        answer = lab.call("HEAD", f"{JOBS}/{job}/trace")
        assert (answer.status, answer.body) == (200, b"")


class TestHeaders:
    @pytest.mark.parametrize("target", [JOBS, "/nothing", f"{JOBS}?scope=bad"])
    def test_headers_always_there(self, lab, target):
        answer = lab.get(target)

        assert answer.header("x-request-id")
        assert float(answer.header("x-runtime")) >= 0
        assert answer.header("x-frame-options") == "SAMEORIGIN"
        assert answer.header("x-content-type-options") == "nosniff"
        assert "Origin" in answer.header("vary")

    def test_request_ids_differ(self, lab):
        ids = {lab.get(JOBS).header("x-request-id") for _ in range(5)}
        assert len(ids) == 5

    def test_meta_names_the_correlation_id(self, lab):
        answer = lab.get(JOBS)
        meta = json.loads(answer.header("x-gitlab-meta"))
        assert meta["correlation_id"] == answer.header("x-request-id")

    def test_very_long_url_is_414(self, lab):
        assert lab.get(f"{JOBS}?ref={'x' * 100_000}").status == 414


def test_markup_is_escaped_and_letters_are_not(lab):
    """Recorded (field census, section 11): `<`, `>`, `&` arrive as escapes, non-ASCII as UTF-8."""
    job = lab.job(name="<b> & ünïcode")

    answer = lab.get(f"{JOBS}/{job}")

    assert answer.json()["name"] == "<b> & ünïcode"
    assert b"\\u003cb\\u003e \\u0026 \xc3\xbcn\xc3\xafcode" in answer.body

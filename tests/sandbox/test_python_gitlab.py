"""python-gitlab, as published and unmodified, believes the sandbox (over a real HTTP server)."""

from collections.abc import Iterator

import gitlab
import pytest
from gitlab import exceptions
from gitlab.v4.objects import Project

from gateway.testing.server import SandboxServer, serve

DOCUMENTED_PROJECT = 1
DOCUMENTED_PIPELINE = 6
MANUAL_FINISHED_JOB = 1


@pytest.fixture(scope="module")
def reading() -> Iterator[SandboxServer]:
    """A server whose world a whole module only reads."""
    with serve() as server:
        yield server


@pytest.fixture
def project(reading: SandboxServer) -> Iterator[Project]:
    with client(reading, private_token=reading.tokens["maintainer"]) as gl:
        yield gl.projects.get(DOCUMENTED_PROJECT)


@pytest.fixture
def own_project(sandbox_server: SandboxServer) -> Iterator[Project]:
    """The same project in a world of this test's own, for writes."""
    with client(sandbox_server, private_token=sandbox_server.tokens["maintainer"]) as gl:
        yield gl.projects.get(DOCUMENTED_PROJECT)


def client(server: SandboxServer, **credential: str) -> gitlab.Gitlab:
    return gitlab.Gitlab(server.url, timeout=30, **credential)


def finished(project: Project, status: str = "success"):
    return next(iter(project.jobs.list(scope=status, iterator=True)))


class TestLists:
    def test_a_list_is_its_first_offset_page(self, project):
        rows = project.jobs.list(page=1, per_page=20)

        assert [row.id for row in rows] == sorted((row.id for row in rows), reverse=True)
        assert 1 < len(rows) <= 20

    def test_all_offset_pages_the_iterator_and_keyset_give_the_same_jobs(self, project):
        by_offset = [job.id for job in project.jobs.list(get_all=True, per_page=7)]
        by_iterator = [job.id for job in project.jobs.list(iterator=True, per_page=100)]
        by_keyset = [
            job.id
            for job in project.jobs.list(
                iterator=True, pagination="keyset", order_by="id", sort="desc", per_page=7
            )
        ]

        assert by_offset == by_iterator == by_keyset
        assert by_keyset == sorted(set(by_keyset), reverse=True)
        assert len(by_keyset) > 100

    def test_the_iterator_says_what_the_server_counts(self, project):
        jobs = project.jobs.list(iterator=True)
        pipeline_jobs = project.pipelines.get(DOCUMENTED_PIPELINE).jobs.list(iterator=True)

        assert (jobs.current_page, jobs.per_page, jobs.total) == (1, 20, None)
        assert (jobs.next_page, jobs.prev_page) == (2, None)
        assert pipeline_jobs.total == len(list(pipeline_jobs))
        assert pipeline_jobs.total_pages == 1

    @pytest.mark.parametrize("scope", ["failed", ["failed", "success"]], ids=["one", "two"])
    @pytest.mark.parametrize("pagination", ["offset", "keyset"])
    def test_scope_filters(self, project, scope, pagination):
        jobs = project.jobs.list(get_all=True, scope=scope, pagination=pagination, per_page=50)

        expected = {scope} if isinstance(scope, str) else set(scope)
        assert {job.status for job in jobs} == expected

    def test_jobs_of_a_pipeline(self, project):
        jobs = project.pipelines.get(DOCUMENTED_PIPELINE).jobs.list(get_all=True)

        assert {6, 7, 8} <= {job.id for job in jobs}
        assert {"teaspoon", "rspec:other", "rubocop"} <= {job.name for job in jobs}
        assert {job.pipeline["id"] for job in jobs} == {DOCUMENTED_PIPELINE}

    def test_bridges_of_a_pipeline_lead_downstream(self, project):
        bridges = project.pipelines.get(DOCUMENTED_PIPELINE).bridges.list(get_all=True)

        downstream = bridges[0].downstream_pipeline
        assert downstream["id"] == 5
        assert bridges[0].pipeline["id"] == DOCUMENTED_PIPELINE

    def test_pipelines(self, project):
        rows = project.pipelines.list(get_all=True)

        assert DOCUMENTED_PIPELINE in {row.id for row in rows}
        assert project.pipelines.get(rows[0].id).status == rows[0].status

    def test_a_project_by_its_path(self, reading, project):
        with client(reading, private_token=reading.tokens["developer"]) as gl:
            by_path = gl.projects.get(project.path_with_namespace)

            assert by_path.id == project.id
            assert by_path.jobs.list(per_page=1, get_all=False)[0].web_url.startswith(reading.url)


class TestOneJob:
    def test_job(self, project):
        job = project.jobs.get(MANUAL_FINISHED_JOB)

        assert job.id == MANUAL_FINISHED_JOB
        assert job.status in {"success", "failed", "canceled"}
        assert job.asdict()["artifacts"]

    def test_trace_whole_and_streamed(self, project):
        job = project.jobs.get(MANUAL_FINISHED_JOB)
        pieces: list[bytes] = []

        whole = job.trace()
        job.trace(streamed=True, action=pieces.append, chunk_size=16)

        assert whole == b"".join(pieces)
        assert whole

    def test_artifacts_archive(self, project):
        assert project.jobs.get(MANUAL_FINISHED_JOB).artifacts().startswith(b"PK")

    @pytest.mark.parametrize("role", ["job_token", "oauth"])
    def test_other_credentials(self, reading, role):
        name = {"job_token": "job_token", "oauth": "oauth_token"}[role]
        with client(reading, **{name: reading.tokens[role]}) as gl:
            jobs = gl.projects.get(DOCUMENTED_PROJECT, lazy=True).jobs.list(get_all=False)

            assert len(jobs) == 20

    def test_job_of_the_job_token(self, reading):
        with client(reading, job_token=reading.tokens["job_token"]) as gl:
            job = gl.http_get("/job")

            assert job["status"] == "running"
            assert gl.http_get("/job/allowed_agents")["job"]["id"] == job["id"]


class TestWrites:
    def test_cancel(self, own_project):
        job = finished(own_project, "pending")

        answer = job.cancel()

        assert (answer["id"], answer["status"]) == (job.id, "canceled")
        job.refresh()
        assert job.status == "canceled"

    def test_retry_makes_a_new_job(self, own_project):
        job = finished(own_project, "failed")

        answer = job.retry()

        assert answer["id"] > job.id
        assert answer["name"] == job.name
        assert own_project.jobs.get(job.id).status == "failed"

    def test_erase_takes_log_and_artifacts(self, own_project):
        job = own_project.jobs.get(MANUAL_FINISHED_JOB)

        job.erase()

        job.refresh()
        assert job.erased_at is not None
        assert job.asdict()["artifacts"] == []
        assert job.trace() == b""

    def test_play_with_variables(self, own_project, sandbox_server):
        job = finished(own_project, "manual")
        variables = [{"key": "A", "value": "1"}, {"key": "B", "value": ""}]

        job.play(post_data={"job_variables_attributes": variables})

        assert job.status == "pending"

    def test_documented_job_through_cancel_retry_erase_and_play_in_turn(self, own_project):
        job = own_project.jobs.get(MANUAL_FINISHED_JOB)
        status = job.status

        canceled = job.cancel()
        retried = job.retry()
        job.erase()

        assert (canceled["id"], canceled["status"]) == (MANUAL_FINISHED_JOB, status)
        assert retried["id"] > MANUAL_FINISHED_JOB

    def test_keep_and_delete_artifacts(self, own_project):
        job = own_project.jobs.get(MANUAL_FINISHED_JOB)

        job.keep_artifacts()
        job.refresh()
        assert job.artifacts_expire_at is None

        job.delete_artifacts()
        with pytest.raises(exceptions.GitlabGetError) as refused:
            job.artifacts()
        assert refused.value.response_code == 404

    def test_pipeline_retry_and_cancel(self, own_project):
        pipeline = own_project.pipelines.get(DOCUMENTED_PIPELINE)

        assert pipeline.retry()["id"] == DOCUMENTED_PIPELINE
        assert pipeline.cancel()["id"] == DOCUMENTED_PIPELINE


class TestTypedExceptions:
    def refused(self, error, call, *arguments, **options):
        with pytest.raises(error) as caught:
            call(*arguments, **options)
        return caught.value.response_code, caught.value.error_message

    def test_no_credential(self, reading):
        with client(reading) as gl:
            jobs = gl.projects.get(DOCUMENTED_PROJECT, lazy=True).jobs

            error = exceptions.GitlabAuthenticationError
            assert self.refused(error, jobs.get, 1) == (401, "401 Unauthorized")

    def test_expired_credential(self, reading):
        with client(reading, private_token=reading.tokens["expired"]) as gl:
            jobs = gl.projects.get(DOCUMENTED_PROJECT, lazy=True).jobs

            error = exceptions.GitlabAuthenticationError
            assert self.refused(error, jobs.get, 1) == (401, "invalid_token")

    def test_unknown_job(self, project):
        error = exceptions.GitlabGetError
        assert self.refused(error, project.jobs.get, 987_654_321) == (404, "404 Not found")

    def test_unknown_project(self, reading):
        with client(reading, private_token=reading.tokens["maintainer"]) as gl:
            error = exceptions.GitlabGetError
            expected = (404, "404 Project Not Found")
            assert self.refused(error, gl.projects.get, 987_654_321) == expected
            assert self.refused(error, gl.projects.get, "no/such") == expected

    def test_bad_scope(self, project):
        error = exceptions.GitlabListError
        refusal = self.refused(error, project.jobs.list, scope="nonsense", get_all=False)
        assert refusal == (400, "scope does not have a valid value")

    def test_retry_of_a_running_job(self, own_project):
        job = finished(own_project, "running")

        refusal = self.refused(exceptions.GitlabJobRetryError, job.retry)
        assert refusal == (403, "403 Forbidden - Job is not retryable")

    def test_erase_of_a_running_job(self, own_project):
        job = finished(own_project, "running")

        refusal = self.refused(exceptions.GitlabJobEraseError, job.erase)
        assert refusal == (403, "403 Forbidden - Job is not erasable!")

    def test_play_of_a_running_job(self, own_project):
        job = finished(own_project, "running")

        refusal = self.refused(exceptions.GitlabJobPlayError, job.play)
        assert refusal == (400, "400 Bad request - Unplayable Job")

    def test_cancel_by_a_reporter(self, reading):
        with client(reading, private_token=reading.tokens["reporter"]) as gl:
            job = finished(gl.projects.get(DOCUMENTED_PROJECT), "running")

            refusal = self.refused(exceptions.GitlabJobCancelError, job.cancel)
            assert refusal == (403, "403 Forbidden")

    def test_write_with_a_reading_credential(self, reading):
        with client(reading, private_token=reading.tokens["read_only"]) as gl:
            job = gl.projects.get(DOCUMENTED_PROJECT, lazy=True).jobs.get(1)

            refusal = self.refused(exceptions.GitlabJobCancelError, job.cancel)
            assert refusal == (403, "insufficient_scope")

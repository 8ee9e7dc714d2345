"""Answers recorded from real servers validate against the schemas the sandbox is held to.

They lie beside the project (`../shared/recorded`), are read in place, and skipped without it.
"""

import json
from pathlib import Path

import pytest

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "recorded"

# Hand-made fixtures of other projects: what their authors imagined, not what a server said.
EXCLUDED = {
    "bridges__narkoz__hand-made.json": "documentation of 12.x",
    "job__gitlab4j__hand-made-size-int64-max.json": "put together from several versions",
    "job__l7r7__free-text-failure-reason.json": "a minimal job, its reason outside any enum",
    "job_allowed_agents__gitlab-docs__v18.10.json": "documentation: the code's user has roles",
    "job_erase__narkoz__hand-made.json": "documentation of 8.x",
    "jobs_list__devlake-edited__eight-statuses.json": "one recorded job, its status overwritten",
    "jobs_list__gitlab-docs__v15.5__waiting-for-resource.json": "another endpoint's shape",
    "jobs_list__gitlab-docs__v18.10__source-and-runner-manager.json": "documentation",
    "jobs_list__go-gitlab__runner-jobs-blocked-user.json": "another endpoint's shape",
    "jobs_list__narkoz__hand-made.json": "documentation of 9.x",
    "jobs_list__narkoz__runner-jobs-hand-made.json": "documentation of 10.3",
}

# Recorded, but touched by their publisher: the faults this leaves, and no others.
TOUCHED = {
    "job__gitlab-com__v17.1pre__canceled-with-artifacts.json": [
        r"$.pipeline.web_url: 'web_url' does not match '/pipelines/\\d+$'",
        r"$.web_url: 'web_url' does not match '/-/jobs/\\d+$'",
    ]
}

SCHEMA_BY_PREFIX = {
    "bridges": "bridge",
    "error": "error",
    "job": "job",
    "job_allowed_agents": "allowed_agents",
    "job_play": "job",
    "job_retry": "job",
    "jobs_list": "job",
    "pipeline": "pipeline",
    "pipeline_jobs": "job",
    "pipelines_detail": "pipeline",
    "pipelines_list": "pipeline_row",
}


def bodies() -> list[Path]:
    if not RECORDED.is_dir():
        return []
    return [
        path
        for path in sorted(RECORDED.glob("*.json"))
        if not path.name.endswith(".headers.json") and path.name not in EXCLUDED
    ]


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded answers are not beside the project")
class TestRecordedAnswers:
    @pytest.mark.parametrize("path", bodies(), ids=lambda path: path.stem)
    def test_validates(self, schemas, path):
        body = json.loads(path.read_text())
        name = SCHEMA_BY_PREFIX[path.name.split("__")[0]]

        rows = body if isinstance(body, list) else [body]
        faults = [fault for row in rows for fault in schemas.faults(name, row)]

        assert sorted(faults) == TOUCHED.get(path.name, [])

    def test_every_recording_is_read_or_excluded_by_name(self):
        present = {path.name for path in RECORDED.glob("*.json")}

        assert present >= EXCLUDED.keys()
        assert len(bodies()) >= 35

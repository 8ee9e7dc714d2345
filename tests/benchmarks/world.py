"""The jobs that the benchmarks' upstream answers: one project, the same in every run.

Shaped and sized as recorded answers of a current gitlab.com (about 3 KB a job): numbers above
2^31 with gaps, user, commit, pipeline, runner and runner manager embedded, three artifacts, text
outside ASCII, nulls where real jobs have them.

    newest   400 jobs in 80 pipelines of 5
    then     160 jobs in one pipeline (`BIG_PIPELINE`)
    oldest   250 items in one pipeline (`WHOLE_PIPELINE`), stage after stage: 238 jobs, 12 bridges
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import Any

import msgspec

__all__ = ["BIG_PIPELINE", "PROJECT", "WHOLE_PIPELINE", "World"]

PROJECT = 278964
BIG_PIPELINE = 2_880_000_000
WHOLE_PIPELINE = 2_870_000_000
_WEB = "https://gitlab.example.com/acme/shop"

_STAGES = (
    ("prepare", "compile-assets"),
    ("build", "build-image: [amd64, slim]"),
    ("test", "rspec unit pg16 7/24"),
    ("test", "jest: Bedienoberfläche 3/8"),
    ("deploy", "review-deploy"),
)
_OUTCOMES = ("success",) * 7 + ("failed", "running", "manual")


# How many items the pipelines have, newest first; every twentieth of the last one is a bridge.
_SIZES = (*(5,) * 80, 160, 250)


@dataclass(frozen=True, slots=True)
class World:
    """Jobs, bridges and pipelines, encoded. Their numbers run newest first everywhere; those of a
    project's jobs are those of `jobs`.
    """

    job_ids: list[int]
    jobs: dict[int, bytes]
    jobs_of: dict[int, list[int]]
    bridges: dict[int, bytes]
    bridges_of: dict[int, list[int]]
    pipelines: dict[int, bytes]

    @classmethod
    def make(cls) -> World:
        """The one world there is."""
        gaps, dice = random.Random(1), random.Random(2)
        jobs: dict[int, bytes] = {}
        jobs_of: dict[int, list[int]] = {}
        bridges: dict[int, bytes] = {}
        bridges_of: dict[int, list[int]] = {}
        pipelines: dict[int, bytes] = {}
        job_id, pipeline_id = 16_862_617_994, 2_900_783_081
        for number, size in enumerate(_SIZES):
            is_whole = size == _SIZES[-1]
            if size > 5:
                pipeline_id = WHOLE_PIPELINE if is_whole else BIG_PIPELINE
            else:
                pipeline_id -= gaps.randint(50, 5_000)
            pipeline = _pipeline(pipeline_id, 400_000 - number)
            user, commit = _user(number % 7), _commit(number)
            pipelines[pipeline_id] = msgspec.json.encode(pipeline | _detail(user))
            jobs_of[pipeline_id], bridges_of[pipeline_id] = [], []
            for place in reversed(range(size)):
                job_id -= gaps.randint(1, 40)
                job = _job(job_id, place, dice, pipeline=pipeline, user=user, commit=commit)
                if is_whole:
                    job["stage"], name = _STAGES[place * len(_STAGES) // size]
                    job["name"] = f"{name} no. {place}"
                if is_whole and place % 20 == 10:
                    bridges[job_id] = msgspec.json.encode(_bridge(job))
                    bridges_of[pipeline_id].append(job_id)
                else:
                    jobs[job_id] = msgspec.json.encode(job)
                    jobs_of[pipeline_id].append(job_id)
        return cls(list(jobs), jobs, jobs_of, bridges, bridges_of, pipelines)


def _job(job_id: int, place: int, dice: random.Random, **embedded: Any) -> dict[str, Any]:
    stage, name = _STAGES[place % 5]
    status = dice.choice(_OUTCOMES)
    is_started = status != "manual"
    is_finished = status in {"success", "failed"}
    duration = round(dice.uniform(20, 1800), 6)
    job = {
        "id": job_id,
        "status": status,
        "stage": stage,
        "name": name,
        "ref": embedded["pipeline"]["ref"],
        "tag": False,
        "coverage": 71.8 if place % 5 == 2 else None,
        "allow_failure": place % 5 == 3,
        "created_at": f"2026-10-01T10:40:{place % 60:02}.644Z",
        "started_at": f"2026-10-01T10:41:{place % 60:02}.314Z" if is_started else None,
        "finished_at": f"2026-10-01T11:12:{place % 60:02}.719Z" if is_finished else None,
        "erased_at": None,
        "duration": duration if is_started else None,
        "queued_duration": round(dice.uniform(0.05, 90), 6) if is_started else None,
        "user": embedded["user"],
        "commit": embedded["commit"],
        "pipeline": embedded["pipeline"],
        "web_url": f"{_WEB}/-/jobs/{job_id}",
        "project": {"ci_job_token_scope_enabled": False},
        "artifacts": _artifacts(dice) if is_finished else [],
        "runner": _runner() if is_started else None,
        "runner_manager": _runner_manager() if is_started else None,
        "artifacts_expire_at": "2026-11-01T10:41:36.314Z" if is_finished else None,
        "archived": False,
        "tag_list": ["saas-linux-medium-amd64", "docker"],
    }
    if status == "failed":
        job["failure_reason"] = "script_failure"
    return job


def _bridge(job: dict[str, Any]) -> dict[str, Any]:
    """A bridge in the place of a job: it has no runner and leaves no files."""
    ours = {"artifacts", "runner", "runner_manager", "artifacts_expire_at", "archived", "tag_list"}
    kept = {key: value for key, value in job.items() if key not in ours}
    return kept | {"downstream_pipeline": _pipeline(job["id"] - 7_000_000_000, 300_000)}


def _artifacts(dice: random.Random) -> list[dict[str, Any]]:
    kinds = (
        ("archive", "artifacts.zip", "zip"),
        ("metadata", "metadata.gz", "gzip"),
        ("trace", "job.log", None),
    )
    return [
        {"file_type": kind, "size": dice.randint(200, 3_000_000_000), "filename": name}
        | {"file_format": packing}
        for kind, name, packing in kinds
    ]


def _pipeline(pipeline_id: int, iid: int) -> dict[str, Any]:
    return {
        "id": pipeline_id,
        "iid": iid,
        "project_id": PROJECT,
        "sha": _sha(f"commit {400_000 - iid}"),
        "ref": "refs/merge-requests/1204/head" if iid % 3 else "main",
        "status": "running" if iid % 4 else "failed",
        "source": "merge_request_event" if iid % 3 else "push",
        "created_at": "2026-10-01T10:40:47.607Z",
        "updated_at": "2026-10-01T11:12:59.842Z",
        "web_url": f"{_WEB}/-/pipelines/{pipeline_id}",
    }


def _detail(user: dict[str, Any]) -> dict[str, Any]:
    return {
        "before_sha": _sha("before"),
        "tag": False,
        "yaml_errors": None,
        "user": user,
        "started_at": "2026-10-01T10:40:48.026Z",
        "finished_at": None,
        "committed_at": None,
        "duration": 638,
        "queued_duration": 1,
        "coverage": "71.80",
        "archived": False,
        "name": "Merge request checks",
    }


def _user(number: int) -> dict[str, Any]:
    return {
        "id": 12_337_531 + number,
        "username": f"dev{number}",
        "public_email": "",
        "name": f"Zoë Developer {number}",
        "state": "active",
        "locked": False,
        "avatar_url": f"https://gitlab.example.com/uploads/-/system/user/avatar/{number}/a.png",
        "web_url": f"https://gitlab.example.com/dev{number}",
        "created_at": "2022-08-19T18:56:54.757Z",
        "bio": "🎯 Writes tests by day, hunts the flaky ones by night. Tea, please.",
        "location": "Zürich",
        "linkedin": "",
        "twitter": "",
        "website_url": f"https://dev{number}.example.org",
        "organization": "Acme",
    }


def _commit(number: int) -> dict[str, Any]:
    sha = _sha(f"commit {number}")
    title = f"Retry uploads that the object store has refused ({number})"
    return {
        "id": sha,
        "short_id": sha[:8],
        "created_at": "2026-10-01T12:40:45.000+02:00",
        "parent_ids": [_sha(f"parent {number}")],
        "title": title,
        "message": f"{title}\n\nThe store answers 503 while it compacts.\n\nChangelog: fixed\n",
        "author_name": "Zoë Developer",
        "author_email": "zoe@example.com",
        "authored_date": "2026-10-01T12:40:45.000+02:00",
        "committer_name": "Zoë Developer",
        "committer_email": "zoe@example.com",
        "committed_date": "2026-10-01T12:40:45.000+02:00",
        "trailers": {"Changelog": "fixed"},
        "extended_trailers": {"Changelog": ["fixed"]},
        "web_url": f"{_WEB}/-/commit/{sha}",
    }


def _runner() -> dict[str, Any]:
    return {
        "id": 54_907_241,
        "description": "k8s.saas-linux-medium-amd64.runners-manager.gitlab.example.com/default",
        "ip_address": None,
        "active": True,
        "paused": False,
        "is_shared": True,
        "runner_type": "instance_type",
        "name": None,
        "online": True,
        "created_at": "2026-08-06T11:12:30.404Z",
        "status": "online",
        "job_execution_status": "active",
    }


def _runner_manager() -> dict[str, Any]:
    return {
        "id": 159_294_362,
        "system_id": "r_LjF6KF9vMTF7",
        "version": "19.5.0~pre.2159.ga8432a3e",
        "revision": "a8432a3e",
        "platform": "linux",
        "architecture": "amd64",
        "created_at": "2026-09-29T08:09:44.249Z",
        "contacted_at": "2026-10-01T10:43:20.309Z",
        "ip_address": "10.223.76.26",
        "status": "online",
        "job_execution_status": "active",
    }


def _sha(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

"""What comes with jobs and pipelines: users, commits, runners and files."""

from __future__ import annotations

from msgspec import Struct

from gateway.upstream.entities.values import Number, ProjectKey, Size, ours

__all__ = ["ArchiveFile", "Artifact", "Commit", "Runner", "RunnerManager", "User"]


class User(Struct, frozen=True, gc=False):
    id: Number
    username: str
    name: str
    state: str | None = None
    avatar_url: str | None = None
    web_url: str | None = None
    created_at: str | None = None
    bio: str | None = None
    location: str | None = None
    public_email: str | None = None
    linkedin: str | None = None
    twitter: str | None = None
    website_url: str | None = None
    organization: str | None = None


class Commit(Struct, frozen=True, gc=False):
    id: str
    short_id: str
    title: str
    message: str | None = None
    author_name: str | None = None
    author_email: str | None = None
    authored_date: str | None = None
    committer_name: str | None = None
    committer_email: str | None = None
    committed_date: str | None = None
    created_at: str | None = None
    parent_ids: list[str] | None = None
    web_url: str | None = None


class Runner(Struct, frozen=True, gc=False):
    id: Number
    name: str | None = None
    description: str | None = None
    active: bool | None = None
    paused: bool | None = None
    is_shared: bool | None = None
    runner_type: str | None = None
    online: bool | None = None
    status: str | None = None
    ip_address: str | None = None


class RunnerManager(Struct, frozen=True, gc=False):
    id: Number
    system_id: str | None = None
    version: str | None = None
    revision: str | None = None
    platform: str | None = None
    architecture: str | None = None
    created_at: str | None = None
    contacted_at: str | None = None
    ip_address: str | None = None
    status: str | None = None


class Artifact(Struct, gc=False):
    """A file a job left."""

    file_type: str
    size: Size | None = None
    filename: str | None = None
    file_format: str | None = None
    # Project and id of the job, put in where it was read.
    job: tuple[ProjectKey, int] | None = ours()


class ArchiveFile(Struct, frozen=True, gc=False):
    filename: str | None = None
    size: Size | None = None

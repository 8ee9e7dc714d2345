"""The files a job left."""

from __future__ import annotations

import strawberry
from msgspec import Struct

from gateway.schema.fields import Cost, Gives, Info, edge, plain
from gateway.schema.places import project_key_of
from gateway.schema.scalars import URL, BigInt
from gateway.upstream import entities

__all__ = ["Artifact", "JobFile", "archive_of", "files_of"]


class JobFile(Struct, frozen=True, gc=False):
    """A file and the job that left it, which the file's download address is made from."""

    file: entities.Artifact
    job: entities.Job


def files_of(job: entities.Job) -> list[JobFile] | None:
    """All files of a job; None where the answer did not say."""
    files = job.artifacts
    return None if files is None else [JobFile(file, job) for file in files]


def archive_of(job: entities.Job) -> JobFile | None:
    """The archive among the files, or the `artifacts_file` of an answer without a list of files."""
    for file in job.artifacts or ():
        if file.file_type == "archive":
            return JobFile(file, job)
    archive = job.artifacts_file
    if archive is None or archive.filename is None:
        return None
    return JobFile(entities.Artifact("archive", archive.size, archive.filename), job)


@strawberry.type(description="A file a job left.")
class Artifact:
    filename: str | None = plain("file.filename", "Name of the file.")
    file_type: str = plain("file.file_type", "Kind, e.g. archive, metadata, trace, junit.")
    file_format: str | None = plain(
        "file.file_format", "Packing, e.g. zip, gzip, raw; null if the upstream does not say."
    )
    size: BigInt | None = plain("file.size", "Bytes.")

    @edge(
        "Where the caller can download it with the same credential; null for kinds the upstream"
        " does not serve one by one. Cost: 0.",
        cost=Cost(),
        reads=("file.file_type",),
    )
    def download_url(parent: strawberry.Parent[JobFile], info: Info) -> Gives[URL | None]:
        job = parent.job
        return info.context.urls.artifact(project_key_of(job), job.id, parent.file.file_type)

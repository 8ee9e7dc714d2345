"""The files a job left."""

from __future__ import annotations

import strawberry

from gateway.errors import UpstreamInvalid
from gateway.schema.fields import PROMISED, Cost, Gives, Info, edge, plain
from gateway.schema.identity import project_key_of
from gateway.schema.scalars import URL, BigInt
from gateway.upstream import entities

__all__ = ["Artifact", "archive_of"]


def archive_of(job: entities.Job) -> entities.Artifact | None:
    """The archive among the files, or the `artifacts_file` of an answer without a list of files."""
    for file in job.artifacts or ():
        # An error stands in the place of a file that could not be read.
        if not isinstance(file, UpstreamInvalid) and file.file_type == "archive":
            return file
    archive = job.artifacts_file
    if archive is None or archive.filename is None:
        return None
    return entities.Artifact(
        "archive", archive.size, archive.filename, job=(project_key_of(job), job.id)
    )


@strawberry.type(description="A file a job left.")
class Artifact:
    filename: str | None = plain("filename", "Name of the file.")
    file_type: str | None = plain(
        "file_type", f"Kind, e.g. archive, metadata, trace, junit. {PROMISED}", promised=True
    )
    file_format: str | None = plain(
        "file_format", "Packing, e.g. zip, gzip, raw; null if the upstream does not say."
    )
    size: BigInt | None = plain("size", "Bytes.")

    @edge(
        "Where the caller can download it with the same credential; null for kinds the upstream"
        " does not serve one by one. Cost: 0.",
        cost=Cost(),
        reads=("file_type", "job"),
    )
    def download_url(parent: strawberry.Parent[entities.Artifact], info: Info) -> Gives[URL | None]:
        return parent.job and info.context.urls.artifact(*parent.job, parent.file_type)

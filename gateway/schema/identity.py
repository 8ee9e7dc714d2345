"""What identifies a thing: its project, its pipeline, and the global id made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from gateway.schema.ids import global_id
from gateway.upstream import entities

if TYPE_CHECKING:
    from gateway.loaders.logs import LogOfJob
    from gateway.upstream.entities import Item, ProjectKey

__all__ = [
    "AnyPipeline",
    "bridge_global_id",
    "job_global_id",
    "log_global_id",
    "pipeline_global_id",
    "project_global_id",
    "project_key_of",
    "project_of",
    "project_of_pipeline",
]

AnyPipeline: TypeAlias = entities.PipelineHandle | entities.Pipeline


def project_key_of(item: Item) -> ProjectKey:
    """How to address the project of a job or bridge upstream."""
    pipeline = item.pipeline
    return (item.asked_project or entities.UNTOLD) if pipeline is None else pipeline.project


def project_of(item: Item) -> entities.ProjectHandle:
    """The project of a job or bridge. The upstream's own `project` key does not say which it is."""
    flags = item.project
    scoped = None if flags is None else flags.ci_job_token_scope_enabled
    return _handle(project_key_of(item), item.web_url, scoped)


def project_of_pipeline(pipeline: AnyPipeline) -> entities.ProjectHandle:
    return _handle(pipeline.project, pipeline.web_url)


def _handle(
    key: ProjectKey, page_url: str | None, scoped: bool | None = None
) -> entities.ProjectHandle:
    if key is entities.UNTOLD:
        return entities.ProjectHandle(None, None, scoped, page_url)
    if isinstance(key, int):
        return entities.ProjectHandle(key, None, scoped, page_url)
    return entities.ProjectHandle(None, key, scoped, page_url)


def job_global_id(job: entities.Job) -> str:
    pipeline = job.pipeline
    if pipeline is None or pipeline.project_id is None:
        return _oldest_global_id("Job", job)
    return global_id(b"Job:%d:%d:%d" % (pipeline.project_id, pipeline.id, job.id))


def log_global_id(log: LogOfJob) -> str:
    job = log.job
    pipeline = job.pipeline
    if pipeline is None or pipeline.project_id is None:
        return _oldest_global_id("JobLog", job)
    return global_id(b"JobLog:%d:%d:%d" % (pipeline.project_id, pipeline.id, job.id))


def bridge_global_id(bridge: entities.Bridge) -> str:
    pipeline = bridge.pipeline
    if pipeline is None or pipeline.project_id is None:
        return _oldest_global_id("Bridge", bridge)
    return global_id(b"Bridge:%d:%d:%d" % (pipeline.project_id, pipeline.id, bridge.id))


def _oldest_global_id(type_name: str, item: Item) -> str:
    """The id of an item of an upstream that does not say where the item belongs."""
    pipeline_id = 0 if item.pipeline is None else item.pipeline.id
    return global_id(f"{type_name}:{project_key_of(item)}:{pipeline_id}:{item.id}".encode())


def pipeline_global_id(pipeline: AnyPipeline) -> str:
    return global_id(f"Pipeline:{pipeline.project}:{pipeline.id}".encode())


def project_global_id(project: entities.ProjectHandle) -> str:
    return global_id(f"Project:{project.key}".encode())

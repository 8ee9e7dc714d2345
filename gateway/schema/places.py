"""Where a thing belongs: its project and its pipeline, and the global id made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from gateway.schema.ids import global_id
from gateway.upstream import entities

if TYPE_CHECKING:
    from gateway.upstream.entities import Item, ProjectKey

__all__ = [
    "AnyPipeline",
    "bridge_global_id",
    "job_global_id",
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
    return (item.place or 0) if pipeline is None else pipeline.project


def project_of(item: Item) -> entities.ProjectHandle:
    """The project of a job or bridge. The upstream's own `project` key names none."""
    flags = item.project
    scoped = None if flags is None else flags.ci_job_token_scope_enabled
    return _handle(project_key_of(item), item.web_url, scoped)


def project_of_pipeline(pipeline: AnyPipeline) -> entities.ProjectHandle:
    page_url = pipeline.web_url if isinstance(pipeline, entities.Pipeline) else None
    return _handle(pipeline.project, page_url)


def _handle(
    key: ProjectKey, page_url: str | None, scoped: bool | None = None
) -> entities.ProjectHandle:
    if isinstance(key, int):
        return entities.ProjectHandle(key, None, scoped, page_url)
    return entities.ProjectHandle(None, key, scoped, page_url)


def job_global_id(job: entities.Job) -> str:
    return _item_global_id("Job", job)


def bridge_global_id(bridge: entities.Bridge) -> str:
    return _item_global_id("Bridge", bridge)


def _item_global_id(type_name: str, item: Item) -> str:
    pipeline = item.pipeline
    if pipeline is None:
        return global_id(f"{type_name}:{item.place or 0}:0:{item.id}")
    return global_id(f"{type_name}:{pipeline.project}:{pipeline.id}:{item.id}")


def pipeline_global_id(pipeline: AnyPipeline) -> str:
    return global_id(f"Pipeline:{pipeline.project}:{pipeline.id}")


def project_global_id(project: entities.ProjectHandle) -> str:
    return global_id(f"Project:{project.key}")

"""Artifacts: their kinds, the archive's bytes, and the columns of a job that describe them."""

from __future__ import annotations

import io
import zipfile
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gateway.sandbox.world.jsontext import compact, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "ARTIFACTS",
    "archive_of",
    "archive_size",
    "artifact",
    "artifact_columns",
    "without_expired",
]

ARTIFACTS: Mapping[str, tuple[str | None, str]] = {
    "archive": ("zip", "artifacts.zip"),
    "metadata": ("gzip", "metadata.gz"),
    # Documented as "raw"; every real server answers null.
    "trace": (None, "job.log"),
    "junit": ("gzip", "junit.xml.gz"),
    "cobertura": ("gzip", "cobertura-coverage.xml.gz"),
    "jacoco": ("gzip", "jacoco.xml.gz"),
    "metrics": ("gzip", "metrics.txt.gz"),
    "dotenv": ("gzip", "build.env.gz"),
    "lsif": ("zip", "lsif.json.zip"),
    "cyclonedx": ("gzip", "gl-sbom.cdx.json.gz"),
    "annotations": ("gzip", "annotations.json.gz"),
    "repository_xray": ("gzip", "repository_xray.json.gz"),
    "metrics_referee": ("gzip", "metrics_referee.json.gz"),
    "network_referee": ("gzip", "network_referee.json.gz"),
    "cluster_applications": ("gzip", "gl-cluster-applications.json.gz"),
    "sast": ("raw", "gl-sast-report.json"),
    "secret_detection": ("raw", "gl-secret-detection-report.json"),
    "dependency_scanning": ("raw", "gl-dependency-scanning-report.json"),
    "container_scanning": ("raw", "gl-container-scanning-report.json"),
    "cluster_image_scanning": ("raw", "gl-cluster-image-scanning-report.json"),
    "dast": ("raw", "gl-dast-report.json"),
    "license_scanning": ("raw", "gl-license-scanning-report.json"),
    "accessibility": ("raw", "gl-accessibility.json"),
    "codequality": ("raw", "gl-code-quality-report.json"),
    "performance": ("raw", "performance.json"),
    "browser_performance": ("raw", "browser-performance.json"),
    "load_performance": ("raw", "load-performance.json"),
    "terraform": ("raw", "tfplan.json"),
    "requirements": ("raw", "requirements.json"),
    "requirements_v2": ("raw", "requirements_v2.json"),
    "coverage_fuzzing": ("raw", "gl-coverage-fuzzing.json"),
    "api_fuzzing": ("raw", "gl-api-fuzzing-report.json"),
}
"""Kind to file format and file name (upstream.md, 6)."""


def artifact(file_type: str, size: int | None) -> dict[str, Any]:
    file_format, filename = ARTIFACTS[file_type]
    return {
        "file_type": file_type,
        "size": size,
        "filename": filename,
        "file_format": file_format,
    }


def artifact_columns(entries: Sequence[Mapping[str, Any]]) -> dict[str, str | None]:
    """The columns `artifacts_json` and `archive_json` for these artifacts."""
    archive = next((entry for entry in entries if entry["file_type"] == "archive"), None)
    return {
        "artifacts_json": compact(entries),
        "archive_json": None
        if archive is None
        else compact({"filename": archive["filename"], "size": archive["size"]}),
    }


def without_expired(artifacts_json: str) -> str:
    """The artifacts that are left after their expiry: the log."""
    entries = parse(artifacts_json)
    return compact([entry for entry in entries if entry["file_type"] == "trace"])


@lru_cache(maxsize=256)
def archive_of(job_name: str) -> bytes:
    """The zip archive that a job of this name leaves."""
    files = {
        "coverage/index.html": f"<!doctype html><title>{job_name}</title><p>98.4 %</p>\n",
        "coverage/.last_run.json": '{"result": {"line": 98.4}}\n',
        "rspec/junit.xml": f'<testsuite name="{job_name}" tests="3" failures="0"/>\n' * 20,
        "dist/größe & änderung.txt": f"{job_name}\nnon-ASCII file name\n",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            # A fixed date: the same bytes in every run.
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 1, 0, 0, 0)), text)
    return buffer.getvalue()


def archive_size(job_name: str) -> int:
    return len(archive_of(job_name))

"""What is watched, as answers have it."""

from typing import Any

import pytest

from gateway.terminal.progress import Progress


def row(number: int, name: str, status: str, stage: str = "test", **more: Any) -> dict[str, Any]:
    started = None if status in {"created", "pending"} else "2026-01-01T10:00:00Z"
    return {
        "__typename": "Job",
        "id": f"job {number}",
        "databaseId": number,
        "name": name,
        "stage": stage,
        "statusText": status,
        "allowFailure": False,
        "startedAt": started,
        "duration": 61.5 if status in {"success", "failed"} else None,
        "failureReasonText": "script_failure" if status == "failed" else None,
        **more,
    }


def update(status: str, *rows: dict[str, Any]) -> dict[str, Any]:
    pipeline = {"databaseId": 6, "ref": "main", "sha": "0123456789abcdef", "statusText": status}
    return {"pipeline": pipeline, "changed": list(rows)}


@pytest.fixture
def progress() -> Progress:
    return Progress()

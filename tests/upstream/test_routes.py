"""Routes: each endpoint's name, path and words stand in one place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gateway
from gateway.errors import BadInput
from gateway.upstream import routes
from gateway.upstream.routes import ROUTES, Keep, Route

VALUES: dict[str, str | int] = {
    "id": "group/project",
    "pipeline_id": 6,
    "job_id": 7,
    "sha": "feature/x",
}


def arguments(route: Route) -> tuple[str | int, ...]:
    return tuple(VALUES[name] for name in route.of)


def test_all_are_listed_and_have_names_of_their_own() -> None:
    declared = [value for value in vars(routes).values() if isinstance(value, Route)]

    assert list(ROUTES) == declared
    assert len({route.name for route in ROUTES}) == len(ROUTES)
    assert len({route.endpoint for route in ROUTES}) == len(ROUTES)
    assert all(re.fullmatch(r"[a-z_]+", route.name) for route in ROUTES)


@pytest.mark.parametrize(
    ("route", "path", "subject"),
    [
        (routes.CURRENT_JOB, "/job", "the job of the job token"),
        (routes.PROJECT, "/projects/group%2Fproject", "project group/project"),
        (
            routes.PIPELINE_BRIDGES,
            "/projects/group%2Fproject/pipelines/6/bridges",
            "bridges of pipeline 6 of project group/project",
        ),
        (
            routes.COMMIT,
            "/projects/group%2Fproject/repository/commits/feature%2Fx",
            "commit feature/x of project group/project",
        ),
        (
            routes.PLAY,
            "/projects/group%2Fproject/jobs/7/play",
            "to play job 7 of project group/project",
        ),
    ],
)
def test_make_paths_and_subjects_from_arguments(route: Route, path: str, subject: str) -> None:
    given = arguments(route)

    assert route.path(given) == path
    assert route.subject(given) == subject


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_have_as_many_arguments_as_names(route: Route) -> None:
    assert route.path(arguments(route)).count("/") == route.endpoint.count("/")
    with pytest.raises(TypeError, match="arguments"):
        route.path((*arguments(route), 8))


@pytest.mark.parametrize(
    ("route", "given"),
    [
        (routes.JOB, ("../admin", 7)),
        (routes.PROJECT, (0,)),
        (routes.COMMIT, (1, "..")),
        (routes.COMMIT, (1, "")),
    ],
)
def test_refuse_what_would_reach_another_path(route: Route, given: tuple[str | int, ...]) -> None:
    with pytest.raises(BadInput):
        route.path(given)


def test_tell_a_long_hash_shortened() -> None:
    assert routes.COMMIT.subject((1, "a" * 200)) == f"commit {'a' * 80} of project 1"


def test_keep_nothing_of_writes_logs_and_what_a_job_token_stands_for() -> None:
    kept_nothing = {route for route in ROUTES if route.keep is Keep.NOTHING}

    assert {route for route in ROUTES if not route.is_read} <= kept_nothing
    assert {routes.TRACE, routes.CURRENT_JOB, routes.ALLOWED_AGENTS} <= kept_nothing


def test_no_other_module_spells_an_endpoint() -> None:
    package = Path(gateway.__file__).parent
    spelled = [
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if path.relative_to(package).parts[0] != "sandbox"
        and path.name != "routes.py"
        and re.search(r'"(GET|POST) /(projects|job)\b', path.read_text())
    ]

    assert spelled == []

"""The cost of a page follows the page, not the world: shown by SQLite's plans, without a clock.

`python tests/benchmarks/sandbox_scale.py` measures it.
"""

import pytest

JOBS = "/projects/1/jobs"
LISTS = [
    f"{JOBS}?pagination=keyset&per_page=100",
    f"{JOBS}?pagination=keyset&per_page=100&cursor=eyJpZCI6IjEwMSIsIl9rZCI6Im4ifQ==",
    f"{JOBS}?pagination=keyset&per_page=100&cursor=eyJpZCI6IjEwMSIsIl9rZCI6InAifQ==",
    f"{JOBS}?pagination=keyset&per_page=100&scope=failed",
    f"{JOBS}?pagination=keyset&per_page=100&scope[]=failed&scope[]=success",
    f"{JOBS}?per_page=100",
    f"{JOBS}?per_page=100&page=3&scope=success",
]


@pytest.fixture
def statements(api):
    """SQL that a call runs, values filled in."""
    database = api.sandbox.store._db

    def of(target: str) -> list[str]:
        seen: list[str] = []
        database.set_trace_callback(seen.append)
        try:
            assert api.get(target).status == 200
        finally:
            database.set_trace_callback(None)
        return [text for text in seen if text.startswith("SELECT")]

    return of


@pytest.mark.parametrize("target", LISTS)
def test_project_jobs_are_never_counted(statements, target):
    assert [text for text in statements(target) if "count(" in text.lower()] == []


@pytest.mark.parametrize("target", LISTS)
def test_every_statement_seeks_in_an_index(api, statements, target):
    database = api.sandbox.store._db
    texts = statements(target)

    plans = {
        text: [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {text}")] for text in texts
    }

    walks = [
        (text, step)
        for text, plan in plans.items()
        for step in plan
        if step.startswith("SCAN") and not step.startswith(("SCAN (subquery", "SCAN CONSTANT"))
    ]
    assert any("FROM jobs" in text for text in texts)
    assert walks == []


@pytest.mark.parametrize("filtered", ["", "&scope=success", "&scope[]=failed&scope[]=success"])
def test_sqlite_works_no_harder_in_a_large_world(caller_of, filtered):
    """SQLite's own instructions for one page, in worlds of 1,200 and of 8,000 builds."""
    target = f"/projects/6/jobs?pagination=keyset&per_page=100{filtered}"
    worked: list[int] = []
    for jobs in (1_200, 8_000):
        caller = caller_of(jobs=jobs)
        count = [0]
        database = caller.sandbox.store._db
        database.set_progress_handler(lambda count=count: count.__setitem__(0, count[0] + 1), 10)
        assert caller.get(target).status == 200
        database.set_progress_handler(None, 0)
        worked.append(count[0])

    few, many = worked
    assert few > 0
    assert many <= 1.1 * few

"""Statuses that an older upstream does not know are left out of what it is asked."""

from __future__ import annotations

import pytest

from gateway.errors import RequestRefused
from tests.upstream.samples import JOB

pytestmark = pytest.mark.anyio


class TestStatusesTheUpstreamDoesNotKnow:
    REFUSED = ({"error": "scope does not have a valid value"}, 400)

    async def test_are_asked_for_once_then_left_out(self, over, answer):
        it = over(answer(*self.REFUSED), answer([JOB]))
        statuses = ("running", "canceling")

        for _ in range(2):
            page = await it.client.project_jobs_page(it.scope(), 1, statuses=statuses, per_page=20)
            assert len(page.items) == 1

        asked = [target.partition("per_page=20")[2] for target in it.wire.targets]
        assert asked == [
            "&scope%5B%5D=running&scope%5B%5D=canceling",
            "&scope%5B%5D=running",
            "&scope%5B%5D=running",
        ]

    async def test_are_left_out_one_at_a_time_the_newest_first(self, over, answer):
        it = over(answer(*self.REFUSED), answer([JOB]))
        statuses = ("waiting_for_callback", "canceling")

        await it.client.pipeline_jobs_page(it.scope(), 1, 6, statuses=statuses, per_page=20)

        assert it.wire.targets[-1].endswith("per_page=20&scope%5B%5D=waiting_for_callback")

    async def test_have_no_jobs(self, over, answer):
        it = over(answer(*self.REFUSED))

        keyset = await it.client.project_jobs_page(
            it.scope(), 1, statuses=("canceling",), per_page=20
        )
        offset = await it.client.bridges_page(
            it.scope(), 1, 6, statuses=("canceling",), per_page=20
        )

        assert (keyset.items, keyset.next) == ([], None)
        assert (offset.items, offset.next_page, offset.total) == ([], None, 0)
        assert len(it.wire.sent) == 1

    async def test_have_no_pipelines(self, over, answer):
        it = over(answer({"error": "status does not have a valid value"}, 400))

        page = await it.client.pipelines_page(it.scope(), 1, status="canceling", per_page=20)

        assert page.items == []

    @pytest.mark.parametrize(
        ("statuses", "refusal"),
        [
            (("running",), {"error": "scope does not have a valid value"}),
            (("canceling",), {"error": "per_page is invalid"}),
        ],
    )
    async def test_are_not_guessed_from_other_refusals(self, over, answer, statuses, refusal):
        it = over(answer(refusal, 400))

        with pytest.raises(RequestRefused):
            await it.client.project_jobs_page(it.scope(), 1, statuses=statuses, per_page=20)
        assert len(it.wire.sent) == 1

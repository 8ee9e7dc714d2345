"""The explorer and the page of pipelines over a gateway that runs trusted documents only: each says
so, at once and wherever something is asked.
"""

import pytest

from tests.harness.app import listening, running_app
from tests.harness.browser import browsing

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

TRUSTED = "query Trusted { __typename upstream { version } }"
TOLD = "this gateway runs trusted documents only"


@pytest.fixture
async def address(bundle, tmp_path):
    (tmp_path / "Trusted.graphql").write_text(TRUSTED)
    settings = {"trusted_documents": str(tmp_path / "Trusted.graphql"), "documents": "only"}
    async with running_app(sandbox_jobs=0, **settings) as api, listening(api.gateway) as address:
        yield address


@pytest.fixture
async def page(chromium, tmp_path):
    async with browsing(chromium, tmp_path / "profile") as browser:
        page = await browser.new_page()
        page.set_default_timeout(30_000)
        yield page
        await browser.close()


async def test_the_explorer_says_so_when_it_opens_and_when_one_is_run(page, address):
    await page.goto(address)
    answer = page.get_by_label("Result Window")
    await answer.get_by_text(TOLD).first.wait_for()
    await answer.get_by_text("DOCUMENT_NOT_TRUSTED").first.wait_for()

    await page.get_by_role("button", name="Execute query").click()
    await page.get_by_label("About the answer").get_by_text("Took").wait_for()
    await answer.get_by_text(TOLD).first.wait_for()
    await answer.get_by_text("DOCUMENT_NOT_TRUSTED").first.wait_for()


async def test_it_runs_a_trusted_one(page, address):
    await page.goto(f"{address}#query={TRUSTED.replace(' ', '%20')}")
    answer = page.get_by_label("Result Window")
    await answer.get_by_text(TOLD).first.wait_for()

    await page.get_by_role("button", name="Execute query").click()

    await page.get_by_label("About the answer").get_by_text("Upstream calls").wait_for()
    await answer.get_by_text('"__typename": "Query"').wait_for()


async def test_the_page_of_pipelines_says_so_in_each_panel(page, address):
    await page.goto(address.removesuffix("graphql"))

    await page.get_by_text(TOLD).nth(1).wait_for()
    assert await page.get_by_text("(DOCUMENT_NOT_TRUSTED)").count() >= 2

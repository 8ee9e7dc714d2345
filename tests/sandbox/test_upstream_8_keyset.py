"""upstream.md, 8.2: keyset pages. One test per row of its table, in their order."""

import base64
import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.sandbox.listing import (
    BRIDGES,
    JOBS,
    PAGING_HEADERS,
    PIPELINE_JOBS,
    cursor,
    walk,
)

BASE = "http://127.0.0.1:8001/api/v4"


@pytest.fixture(scope="module")
def all_ids(reader) -> list[int]:
    """Every job of project 1, by keyset pages of 100."""
    ids: list[int] = []
    after = ""
    while True:
        answer = reader.get(f"{JOBS}?pagination=keyset&per_page=100&cursor={after}")
        ids += answer.ids
        if answer.header("link") is None:
            return ids
        after = cursor(id=str(ids[-1]), _kd="n")


class TestKeyset:
    """upstream.md, 8.2"""

    def test_order_by_and_sort_default_to_id_desc(self, reader):
        plain = reader.get(f"{JOBS}?pagination=keyset&per_page=5")
        named = reader.get(f"{JOBS}?pagination=keyset&per_page=5&order_by=id&sort=desc")

        assert plain.ids == named.ids == sorted(plain.ids, reverse=True)

    def test_scope_combines(self, reader, target_of):
        target = f"{JOBS}?pagination=keyset&per_page=10&scope[]=failed&scope[]=success"

        first = reader.get(target)
        second = reader.get(target_of(first.links["next"]))

        words = {row["status"] for row in first.json() + second.json()}
        assert words == {"failed", "success"}

    def test_cursor_text_is_padded_url_safe_base64(self, reader):
        answer = reader.get(f"{JOBS}?pagination=keyset&per_page=2")
        query = dict(parse_qsl(urlsplit(answer.links["next"]).query))

        decoded = json.loads(base64.urlsafe_b64decode(query["cursor"]))

        assert len(query["cursor"]) % 4 == 0
        assert decoded == {"id": str(answer.ids[-1]), "_kd": "n"}
        assert query["cursor"] == cursor(id=str(answer.ids[-1]), _kd="n")

    def test_cursor_of_the_documents_example(self):
        assert cursor(id="101", _kd="n") == "eyJpZCI6IjEwMSIsIl9rZCI6Im4ifQ=="

    def test_next_page_is_the_rows_below_the_cursor(self, reader, all_ids):
        answer = reader.get(
            f"{JOBS}?pagination=keyset&per_page=3&cursor={cursor(id=str(all_ids[4]), _kd='n')}"
        )

        assert answer.ids == all_ids[5:8]

    def test_link_is_exactly_next(self, reader):
        answer = reader.get(f"{JOBS}?pagination=keyset&per_page=2")
        text = cursor(id=str(answer.ids[-1]), _kd="n").replace("=", "%3D")

        assert answer.header("link") == (
            f"<{BASE}/projects/1/jobs?cursor={text}&id=1&page=1&pagination=keyset&per_page=2>;"
            ' rel="next"'
        )

    def test_last_page_has_no_link(self, reader, all_ids):
        after = cursor(id=str(all_ids[-3]), _kd="n")

        short = reader.get(f"{JOBS}?pagination=keyset&per_page=5&cursor={after}")
        full = reader.get(f"{JOBS}?pagination=keyset&per_page=2&cursor={after}")

        assert short.ids == full.ids == all_ids[-2:]
        assert short.header("link") is None
        assert full.header("link") is None

    def test_no_other_paging_headers(self, reader):
        answer = reader.get(f"{JOBS}?pagination=keyset")

        assert [name for name in PAGING_HEADERS if answer.header(name) is not None] == []

    def test_backward_gives_the_rows_before_still_descending(self, reader, all_ids):
        before = cursor(id=str(all_ids[10]), _kd="p")

        answer = reader.get(f"{JOBS}?pagination=keyset&per_page=4&cursor={before}")

        assert answer.ids == all_ids[6:10]
        assert "next" in answer.links

    def test_backward_without_an_id_is_the_last_page(self, reader, all_ids):
        answer = reader.get(f"{JOBS}?pagination=keyset&per_page=4&cursor={cursor(_kd='p')}")

        assert answer.ids == all_ids[-4:]

    def test_forward_without_an_id_is_the_first_page(self, reader, all_ids):
        answer = reader.get(f"{JOBS}?pagination=keyset&per_page=4&cursor={cursor(_kd='n')}")

        assert answer.ids == all_ids[:4]

    def test_without_direction_is_forward_without_link(self, reader, all_ids):
        """`_kd` missing *(derived)*"""
        after = cursor(id=str(all_ids[4]))

        answer = reader.get(f"{JOBS}?pagination=keyset&per_page=4&cursor={after}")

        assert answer.ids == all_ids[5:9]
        assert answer.header("link") is None

    @pytest.mark.parametrize("blank", ["", "%20"], ids=["empty", "blank"])
    def test_empty_cursor_is_the_first_page(self, reader, all_ids, blank):
        answer = reader.get(f"{JOBS}?pagination=keyset&per_page=4&cursor={blank}")

        assert answer.ids == all_ids[:4]

    @pytest.mark.parametrize(
        "broken",
        [
            "!!!",
            base64.urlsafe_b64encode(b"no json").decode(),
            base64.urlsafe_b64encode(b"[1]").decode(),
            cursor(id="7", _kd="n", name="x"),
        ],
        ids=["no base64", "no JSON", "no object", "extra key"],
    )
    def test_broken_cursor_is_refused(self, reader, broken):
        """*(derived)*: 500 in the code read; a test server may prefer 400."""
        answer = reader.get(f"{JOBS}?pagination=keyset&cursor={broken}")

        assert answer.status in {400, 500}

    def test_cursor_id_needs_no_row(self, reader, all_ids):
        above, below = cursor(id=str(2**62), _kd="n"), cursor(id="0", _kd="n")

        first = reader.get(f"{JOBS}?pagination=keyset&per_page=4&cursor={above}")
        nothing = reader.get(f"{JOBS}?pagination=keyset&per_page=4&cursor={below}")

        assert first.ids == all_ids[:4]
        assert nothing.ids == []

    @pytest.mark.parametrize(
        "order",
        ["sort=asc", "order_by=name", "order_by=created_at&sort=desc", "order_by=id&sort=asc"],
    )
    def test_other_orders_are_405(self, reader, order):
        refusal = {"error": "Keyset pagination is not yet available for this type of request"}
        assert reader.get(f"{JOBS}?pagination=keyset&{order}").said == (405, refusal)

    def test_cursor_is_the_link_parameter_never_id_after(self, reader):
        link = reader.get(f"{JOBS}?pagination=keyset&per_page=2").header("link")

        assert "id_after" not in link
        assert "id_before" not in link

    @pytest.mark.parametrize("target", [PIPELINE_JOBS, BRIDGES])
    def test_other_lists_ignore_keyset(self, reader, target):
        """upstream.md, 0.1 *(derived)*"""
        answer = reader.get(f"{target}?pagination=keyset&per_page=1")

        assert answer.status == 200
        assert answer.header("x-page") == "1"

    def test_keyset_is_stable_while_jobs_arrive(self, api, sandbox, target_of):
        """upstream.md, 8.2, client rule: nothing is repeated, nothing is skipped."""
        before = [row for page in walk(api, target_of, f"{JOBS}?pagination=keyset") for row in page]
        target = f"{JOBS}?pagination=keyset&per_page=40"
        seen: list[int] = []

        while True:
            answer = api.get(target)
            seen += answer.ids
            sandbox.create_job(project=1, pipeline=6)
            if "next" not in answer.links:
                break
            target = target_of(answer.links["next"])

        assert seen == before

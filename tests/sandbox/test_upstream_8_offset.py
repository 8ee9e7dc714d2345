"""upstream.md, 8.1: offset pages. One test per row of its table, in their order."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.sandbox.listing import BRIDGES, JOBS, PAGING_HEADERS, PIPELINE_JOBS, PIPELINES, walk

BASE = "http://127.0.0.1:8001/api/v4"
OFFSET_LISTS = [JOBS, PIPELINE_JOBS, BRIDGES, PIPELINES]
COUNTED_LISTS = [PIPELINE_JOBS, BRIDGES, PIPELINES]


class TestOffset:
    """upstream.md, 8.1"""

    @pytest.mark.parametrize("target", OFFSET_LISTS)
    def test_page_defaults_to_1(self, reader, target):
        assert reader.get(target).ids == reader.get(f"{target}?page=1").ids
        assert reader.get(target).header("x-page") == "1"

    @pytest.mark.parametrize("target", OFFSET_LISTS)
    @pytest.mark.parametrize("page", ["abc", "1.5", "0x1"])
    def test_page_not_a_number_is_400(self, reader, target, page):
        assert reader.get(f"{target}?page={page}").said == (400, {"error": "page is invalid"})

    @pytest.mark.parametrize("target", OFFSET_LISTS)
    def test_page_past_the_end_is_an_empty_list(self, reader, target):
        answer = reader.get(f"{target}?page=400")

        assert answer.said == (200, [])
        assert answer.header("x-page") == "400"

    @pytest.mark.parametrize("target", OFFSET_LISTS)
    def test_per_page_defaults_to_20(self, reader, target):
        answer = reader.get(target)

        assert answer.header("x-per-page") == "20"
        assert len(answer.ids) <= 20

    def test_per_page_over_100_is_clipped_but_link_keeps_it(self, reader):
        answer = reader.get(f"{JOBS}?per_page=500")

        assert len(answer.ids) == 100
        assert answer.header("x-per-page") == "100"
        assert "per_page=500" in answer.links["next"]

    @pytest.mark.parametrize("target", OFFSET_LISTS)
    def test_per_page_0_is_400(self, reader, target):
        refusal = {"error": "per_page has a value not allowed"}
        assert reader.get(f"{target}?per_page=0").said == (400, refusal)

    @pytest.mark.parametrize("target", OFFSET_LISTS)
    def test_per_page_not_a_number_is_400(self, reader, target):
        refusal = {"error": "per_page is invalid"}
        assert reader.get(f"{target}?per_page=many").said == (400, refusal)

    def test_position_headers_are_always_there_and_empty_at_the_ends(self, reader):
        total = int(reader.get(PIPELINE_JOBS).header("x-total"))
        first = reader.get(f"{PIPELINE_JOBS}?per_page=1&page=1")
        second = reader.get(f"{PIPELINE_JOBS}?per_page=1&page=2")
        last = reader.get(f"{PIPELINE_JOBS}?per_page=1&page={total}")

        def position(answer):
            return [answer.header(name) for name in PAGING_HEADERS[:4]]

        assert total >= 3
        assert position(first) == ["1", "1", "2", ""]
        assert position(second) == ["2", "1", "3", "1"]
        assert position(last) == [str(total), "1", "", str(total - 1)]

    @pytest.mark.parametrize("target", COUNTED_LISTS)
    def test_totals_where_they_are_counted(self, reader, target):
        answer = reader.get(f"{target}?per_page=2")
        total = int(answer.header("x-total"))

        assert answer.header("x-total-pages") == str(max(1, -(-total // 2)))
        assert "last" in answer.links

    def test_no_totals_on_project_jobs(self, reader):
        answer = reader.get(JOBS)

        assert answer.header("x-total") is None
        assert answer.header("x-total-pages") is None
        assert "last" not in answer.links

    def test_total_pages_is_1_for_no_rows(self, reader):
        answer = reader.get(f"{PIPELINE_JOBS}?scope=waiting_for_callback")

        assert answer.said == (200, [])
        assert (answer.header("x-total"), answer.header("x-total-pages")) == ("0", "1")

    def test_link_relations_in_order(self, reader):
        counted = reader.get(f"{PIPELINE_JOBS}?per_page=1&page=2")
        first = reader.get(f"{PIPELINE_JOBS}?per_page=1")
        uncounted = reader.get(f"{JOBS}?per_page=1&page=2")

        assert list(counted.links) == ["prev", "next", "first", "last"]
        assert list(first.links) == ["next", "first", "last"]
        assert list(uncounted.links) == ["prev", "next", "first"]

    def test_link_of_a_single_page_is_first_only(self, reader):
        assert list(reader.get(f"{JOBS}?page=400").links) in (["first"], ["prev", "first"])
        assert list(reader.get(f"{PIPELINE_JOBS}?per_page=100").links) == ["first", "last"]

    def test_depth_over_50_000_is_405(self, reader):
        answer = reader.get(f"{JOBS}?page=501&per_page=100")

        assert reader.get(f"{JOBS}?page=500&per_page=100").status == 200
        assert answer.said == (
            405,
            {
                "error": "Offset pagination has a maximum allowed offset of 50000 for requests that"
                " return objects of type Ci::Build. Remaining records can be retrieved using"
                " keyset pagination."
            },
        )

    def test_link_url_repeats_all_parameters_sorted(self, reader):
        target = f"{PIPELINE_JOBS}?scope[]=success&scope%5B%5D=pending&page=2&per_page=1"

        first = reader.get(target).links["first"]

        assert first == (
            f"{BASE}/projects/1/pipelines/6/jobs?id=1&include_retried=false&page=1&per_page=1"
            "&pipeline_id=6&scope%5B%5D=success&scope%5B%5D=pending"
        )

    def test_link_url_keeps_the_projects_encoded_path(self, reader):
        path = reader.get("/projects/1").json()["path_with_namespace"].replace("/", "%2F")

        url = urlsplit(reader.get(f"/projects/{path}/jobs").links["next"])

        assert url.path == f"/api/v4/projects/{path}/jobs"
        assert dict(parse_qsl(url.query))["id"] == path.replace("%2F", "/")

    def test_link_url_names_the_configured_host(self, api):
        answer = api.get(JOBS, headers={"host": "elsewhere.example"})

        assert answer.links["next"].startswith(BASE)

    @pytest.mark.parametrize("target", OFFSET_LISTS)
    def test_pages_follow_on(self, reader, target_of, target):
        pages = walk(reader, target_of, f"{target}?per_page=3&page=1")
        ids = [row for page in pages for row in page]

        assert ids == sorted(set(ids), reverse=True)
        assert all(len(page) == 3 for page in pages[:-1])


@pytest.mark.sandbox(jobs=10_400)
def test_totals_and_last_vanish_over_10_000_rows(api, sandbox):
    """upstream.md, 8.1, row `X-Total`. The demo world has such a pipeline if asked for."""
    large = f"/projects/6/pipelines/{sandbox.landmarks['uncounted_pipeline']}/jobs"

    answer = api.get(large)

    assert answer.header("x-total") is None
    assert answer.header("x-total-pages") is None
    assert list(answer.links) == ["next", "first"]
    assert api.get(f"{large}?page=500").header("x-next-page") == "501"

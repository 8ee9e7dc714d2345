"""The pages that `web_url`s lead to, for a person in a browser: no credential, plain, safe."""

import re
from html.parser import HTMLParser

import pytest

from gateway.sandbox import Sandbox

NASTY = "<script>alert('1')</script> & \"quoted\" ünï"


class Page(HTMLParser):
    """What a page holds: its tags, its links, its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def browse(reader):
    """Read a path as a browser does, without a credential; the page, which must be one."""

    def at(path: str, caller=reader) -> Page:
        answer = caller.as_(None).get(path, root="")
        assert answer.status == 200, (path, answer.text)
        assert answer.header("content-type") == "text/html; charset=utf-8"
        return Page(answer.text)

    return at


def web_urls(value) -> set[str]:
    """Paths of all web URLs in a body."""
    if isinstance(value, list):
        return {path for item in value for path in web_urls(item)}
    if not isinstance(value, dict):
        return set()
    own = {value["web_url"].removeprefix("http://127.0.0.1:8001")} if "web_url" in value else set()
    return own | {path for item in value.values() for path in web_urls(item)}


@pytest.mark.parametrize(
    "target",
    [
        "/projects/1/jobs?per_page=100",
        "/projects/1/pipelines/6/bridges",
        "/projects/1/pipelines?per_page=30",
        "/projects/2",
        "/projects/2/jobs?per_page=10",
        "/projects/1/repository/commits/main",
    ],
)
def test_every_web_url_of_an_answer_is_a_page(reader, browse, target):
    paths = web_urls(reader.get(target).json())

    assert paths
    assert all(browse(path).tags for path in paths)


def test_pages_link_to_each_other_and_nowhere_else(reader, browse):
    seen, found = set(), {"/demo/diaspora-client"}
    while (new := found - seen) and len(seen) < 60:
        path = min(new)
        seen.add(path)
        found |= set(browse(path).links)

    kinds = {re.search(r"/-/(\w+)/", path)[1] for path in found if "/-/" in path}
    assert kinds == {"jobs", "pipelines", "commit"}
    assert "/developer" in found
    assert all(path.startswith("/") for path in found)


def test_job_page_shows_its_facts_and_the_end_of_its_log(browse):
    page = browse("/demo/diaspora-client/-/jobs/7")

    assert "teaspoon" in page.text
    assert "script_failure" in page.text
    assert "ERROR: Job failed: exit code 1" in page.text
    assert "/demo/diaspora-client/-/pipelines/6" in page.links
    assert not {"\x1b", "\r"} & set(page.text)


def test_long_log_is_shown_by_its_last_100_lines(lab, browse):
    log = "".join(f"line {number}\n" for number in range(5_000))
    job = lab.job("success", log=log)

    text = browse(f"/lab/open/-/jobs/{job}", lab).text

    assert "line 4900\n" in text
    assert "line 4899\n" not in text
    assert "line 4999" in text


def test_log_line_is_shown_as_its_last_carriage_return_leaves_it(lab, browse):
    log = "section_start:1:build\r\x1b[0K\x1b[36mBuild\x1b[0;m\nload 12%\rload 100%\r\n"
    job = lab.job("success", log=log)

    text = browse(f"/lab/open/-/jobs/{job}", lab).text

    assert "Build\nload 100%" in text
    assert "section_start" not in text
    assert "12%" not in text


def test_log_of_a_debug_job_is_not_shown(reader, browse):
    job = reader.sandbox.landmarks["debug_job"]
    assert "This log may show secrets" in browse(f"/demo/diaspora-client/-/jobs/{job}").text


def test_texts_are_escaped_and_nothing_can_run(loop, reader, browse):
    job = {"name": NASTY, "log": NASTY, "stage": NASTY, "status": NASTY}
    pipeline = {"id": 7, "ref": NASTY, "name": NASTY, "commit": {"title": NASTY, "message": NASTY}}
    project = {"path": "a/b", "name": NASTY, "pipelines": [{**pipeline, "jobs": [job]}]}
    users = [{"username": "eve", "name": NASTY}]
    sandbox = Sandbox(world={"users": users, "projects": [{**project, "description": NASTY}]})
    caller = type(reader)(sandbox, runner=loop)
    sha = caller.get("/projects/1/pipelines/7").json()["sha"]
    (row,) = sandbox.jobs()

    for path in ("a/b", f"a/b/-/jobs/{row.id}", "a/b/-/pipelines/7", f"a/b/-/commit/{sha}", "eve"):
        page = browse(f"/{path}", caller)
        assert NASTY in page.text, path
        assert "script" not in page.tags
        assert page.attributes <= {"href", "lang", "charset"}
        policy = caller.get(f"/{path}", root="").header("content-security-policy")
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
    sandbox.close()


def test_old_path_of_a_project_leads_to_its_new_one(reader):
    answers = [reader.as_(None).get(f"/acme/handbook{rest}", root="") for rest in ("", "/-/jobs/8")]

    assert [(answer.status, answer.header("location")) for answer in answers] == [
        (301, "/acme/platform/handbook-site"),
        (301, "/acme/platform/handbook-site/-/jobs/8"),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/nobody",
        "/demo/nothing",
        "/demo/diaspora-client/-/jobs/987654321",
        "/demo/diaspora-client/-/jobs/%00",
        "/demo/diaspora-client/-/jobs/%D9%A3",
        "/demo/diaspora-client/-/jobs/" + "9" * 30,
        "/demo/closed-kitchen/-/jobs/8",
        "/demo/closed-kitchen/-/pipelines/6",
        "/demo/diaspora-client/-/commit/unknown",
        "/demo/nothing/-/jobs/8",
        "/",
        "/projects/1/jobs",
        "/version",
    ],
)
def test_anything_else_is_404(reader, path):
    assert reader.get(path, root="").said == (404, {"error": "404 Not Found"})


def test_pages_are_only_read(reader):
    assert reader.post("/demo/diaspora-client", root="").status == 404
    assert reader.call("HEAD", "/demo/diaspora-client", root="").status == 200


def test_pages_stand_below_the_path_of_the_external_url(loop, reader, browse):
    sandbox = Sandbox(external_url="http://git.example/gitlab")
    caller = type(reader)(sandbox, runner=loop)
    url = caller.get("/projects/1/jobs/7").json()["web_url"]

    page = browse(url.removeprefix("http://git.example"), caller)

    assert url == "http://git.example/gitlab/demo/diaspora-client/-/jobs/7"
    assert "/gitlab/demo/diaspora-client" in page.links
    sandbox.close()

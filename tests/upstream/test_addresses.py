"""What callers name: credentials, projects, refs, and addresses of pages."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadInput, UpstreamInvalid
from gateway.upstream.credential import Credential
from gateway.upstream.entities import Pipeline
from gateway.upstream.paths import encode_project, encode_ref
from gateway.upstream.web_urls import WebUrls


class TestCredentials:
    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            ({}, None),
            ({b"accept": b"*/*"}, None),
            ({b"private-token": b" glpat-1 "}, ("PRIVATE-TOKEN", "glpat-1")),
            ({b"job-token": b"x"}, ("JOB-TOKEN", "x")),
            ({b"authorization": b"bearer  x.y"}, ("Authorization", "Bearer x.y")),
            ({b"authorization": b"Basic eDp5"}, None),
            (
                {b"job-token": b"3", b"private-token": b"2", b"authorization": b"Bearer 1"},
                ("Authorization", "Bearer 1"),
            ),
            ({b"job-token": b"3", b"private-token": b"2"}, ("PRIVATE-TOKEN", "2")),
            ({b"private-token": b"", b"job-token": b"3"}, ("JOB-TOKEN", "3")),
        ],
    )
    def test_the_first_in_the_upstreams_order_counts(self, headers, expected):
        credential = Credential.from_headers(headers)

        assert (credential and (credential.header, credential.value)) == expected

    @pytest.mark.parametrize("value", [b"a\r\nX: y", b"a\nb", b"a\0b", b"a b", "tö".encode()])
    def test_what_no_header_can_carry_is_refused_and_not_repeated(self, value):
        with pytest.raises(BadInput, match="PRIVATE-TOKEN") as caught:
            Credential.from_headers({b"private-token": value})

        assert value.decode() not in str(caught.value)

    def test_only_the_fingerprint_is_shown(self):
        credential = Credential("PRIVATE-TOKEN", "glpat-secret")

        assert "glpat" not in f"{credential} {credential!r} {[credential]}"
        assert credential.fingerprint in repr(credential)

    def test_the_fingerprint_tells_credentials_apart(self):
        same = {Credential("PRIVATE-TOKEN", "a").fingerprint for _ in range(3)}
        others = {
            Credential("JOB-TOKEN", "a").fingerprint,
            Credential("PRIVATE-TOKEN", "b").fingerprint,
        }

        assert len(same) == 1
        assert len(same | others) == 3

    def test_a_credential_cannot_be_changed(self):
        credential = Credential("PRIVATE-TOKEN", "a")

        with pytest.raises(AttributeError):
            credential.value = "b"  # type: ignore[misc]  # it is frozen


class TestProjects:
    @pytest.mark.parametrize(
        ("key", "encoded"),
        [
            (1, "1"),
            ("1", "1"),
            (2**62, str(2**62)),
            ("group/project", "group%2Fproject"),
            ("a/b.c/d-e_f", "a%2Fb.c%2Fd-e_f"),
            ("a/...", "a%2F..."),
            ("größe/✓", "gr%C3%B6%C3%9Fe%2F%E2%9C%93"),
        ],
    )
    def test_are_encoded_once(self, key, encoded):
        assert encode_project(key) == encoded

    @pytest.mark.parametrize(
        "key",
        [
            *(0, -1, "", "-1", "word", "/", "a/", "/a", "a//b", "a/b/", ".", "..", "a/.", "a/.."),
            *("../a", "a/../b", "a/./b", "a%2Fb", "a/%2e%2e/b", "a/b%00", "a/b?c", "a/b#c"),
            *("a/b\\c", "a/b c", "a/b\r\nX: y", "a/b\0", "a/\x7f", "a/" + "b" * 6_000),
        ],
    )
    def test_that_cannot_be_are_refused(self, key):
        with pytest.raises(BadInput):
            encode_project(key)

    def test_that_the_upstream_has_not_told_are_its_fault(self):
        with pytest.raises(UpstreamInvalid, match="does not tell which project"):
            encode_project(Pipeline(6).project)

    @given(st.text())
    def test_never_reach_another_path(self, key):
        try:
            encoded = encode_project(key)
        except BadInput:
            return

        assert unquote(encoded) == key
        assert not set(encoded) & set("/?#\\ \r\n\0;")
        assert encoded not in {".", ".."}
        assert all(part not in {"", ".", ".."} for part in unquote(encoded).split("/"))

    @given(st.text())
    def test_nor_do_refs(self, ref):
        try:
            encoded = encode_ref(ref, "sha")
        except BadInput:
            return

        assert unquote(encoded) == ref
        assert not set(encoded) & set("/?#\\ \r\n\0;")


class TestPages:
    URLS = WebUrls("https://gitlab.test/api/v4")

    @pytest.mark.parametrize(
        ("text", "project", "number"),
        [
            ("https://gitlab.test/g/p/-/jobs/42", "g/p", 42),
            ("https://gitlab.test/g/p/jobs/42", "g/p", 42),
            ("https://gitlab.test/g/p/builds/42", "g/p", 42),
            ("https://gitlab.test/a/b/c/d/-/jobs/6853087271", "a/b/c/d", 6853087271),
            (" https://GITLAB.test:443/g/p/-/jobs/42?x=1#L10 ", "g/p", 42),
            ("https://gitlab.test/g/p/-/jobs/42/", "g/p", 42),
            ("https://gitlab.test/g/p/-/jobs/42/raw", "g/p", 42),
            ("https://gitlab.test/g/p/jobs/42/artifacts/browse", "g/p", 42),
            ("https://gitlab.test/jobs/pipelines/-/jobs/42", "jobs/pipelines", 42),
            ("https://gitlab.test/g/jobs/jobs/42", "g/jobs", 42),
            ("https://gitlab.test/gr%C3%B6%C3%9Fe/p/-/jobs/42", "größe/p", 42),
        ],
    )
    def test_of_jobs_are_read(self, text, project, number):
        assert self.URLS.job(text) == (project, number)

    @pytest.mark.parametrize(
        "text",
        [
            *("", "42", "g/p/-/jobs/42", "https://gitlab.test", "https://gitlab.test/g/p"),
            *("https://gitlab.test/-/jobs/42", "https://gitlab.test/g/-/jobs/42"),
            *("https://gitlab.test/g/p/-/jobs/", "https://gitlab.test/g/p/-/jobs/x"),
            *("https://gitlab.test/g/p/-/jobs/42x", "https://gitlab.test/g/p/-/pipelines/42"),
            *("https://gitlab.test/g/..%2Fp/-/jobs/42", "https://gitlab.test/g/../p/-/jobs/42"),
            *("https://[gitlab.test/g/p/-/jobs/42", "https://gitlab.test:99999/g/p/-/jobs/42"),
        ],
    )
    def test_that_are_none_of_a_job_are_refused(self, text):
        with pytest.raises(BadInput):
            self.URLS.job(text)

    @pytest.mark.parametrize(
        "text",
        [
            "https://gitlab.com/g/p/-/jobs/42",
            "http://gitlab.test/g/p/-/jobs/42",
            "https://gitlab.test:8443/g/p/-/jobs/42",
            "https://gitlab.test.evil.test/g/p/-/jobs/42",
        ],
    )
    def test_of_another_origin_are_told_which_is_expected(self, text):
        with pytest.raises(BadInput, match=r"https://gitlab\.test"):
            self.URLS.job(text)

    def test_of_pipelines_are_read(self):
        assert self.URLS.pipeline("https://gitlab.test/g/p/-/pipelines/6/test_report") == ("g/p", 6)
        with pytest.raises(BadInput, match="not the address of a pipeline"):
            self.URLS.pipeline("https://gitlab.test/g/p/-/jobs/6")

    def test_may_live_elsewhere_than_the_api(self):
        urls = WebUrls("http://10.0.0.5:8080/api/v4", "https://ci.example.com/gitlab/")

        assert urls.job("https://ci.example.com/gitlab/g/p/-/jobs/1") == ("g/p", 1)
        assert urls.path_of("https://ci.example.com/gitlab/g/p/-/jobs/1") == "g/p"
        with pytest.raises(BadInput, match=r"https://ci\.example\.com/gitlab"):
            urls.job("http://10.0.0.5:8080/g/p/-/jobs/1")

    @pytest.mark.parametrize(
        ("web_url", "path"),
        [
            (None, None),
            ("", None),
            ("nonsense", None),
            ("https://gitlab.test", None),
            ("https://gitlab.test/-/jobs/1", None),
            ("https://gitlab.test/g/p/-/jobs/1", "g/p"),
            ("https://gitlab.test/g/p/-/pipelines/1", "g/p"),
            ("https://gitlab.test/g/p/jobs/1", "g/p"),
            ("https://gitlab.test/g/p/pipelines/1", "g/p"),
            ("https://gitlab.test/g/jobs/-/jobs/1", "g/jobs"),
        ],
    )
    def test_tell_the_path_of_their_project(self, web_url, path):
        assert self.URLS.path_of(web_url) == path

    def test_tell_it_below_a_relative_root(self):
        urls = WebUrls("https://h.test/git/api/v4")

        assert urls.path_of("https://h.test/git/g/p/-/jobs/1") == "g/p"
        assert urls.path_of("https://h.test/github/p/-/jobs/1") == "github/p"

    @pytest.mark.parametrize(
        ("file_type", "address"),
        [
            ("archive", "https://gitlab.test/api/v4/projects/g%2Fp/jobs/7/artifacts"),
            ("trace", "https://gitlab.test/api/v4/projects/g%2Fp/jobs/7/trace"),
            ("junit", None),
            ("metadata", None),
        ],
    )
    def test_of_downloads(self, file_type, address):
        assert self.URLS.artifact("g/p", 7, file_type) == address

"""What may be pasted, and what may never be an argument."""

import pytest

from gateway.terminal.subject import Subject, WatchMistake, read_subject, refuse_credentials


@pytest.mark.parametrize(
    ("address", "kind", "origin"),
    [
        ("https://gitlab.example.com/a/b/-/jobs/7", "job", "https://gitlab.example.com"),
        ("https://gitlab.example.com/a/b/c/-/pipelines/12", "pipeline", None),
        ("http://127.0.0.1:8080/a/b/-/jobs/7", "job", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/a/b/-/jobs/7", "job", "http://[::1]:8080"),
        ("https://gitlab.example.com/a/b/builds/7", "job", None),
    ],
)
def test_an_address_of_a_page_names_a_subject(address, kind, origin):
    subject = read_subject(f" {address} ")

    assert subject == Subject(kind, address, origin or "https://gitlab.example.com")


def test_what_a_browser_adds_is_left_out():
    subject = read_subject("https://gitlab.example.com/a/b/-/jobs/7?page=2#L41")

    assert subject.url == "https://gitlab.example.com/a/b/-/jobs/7"


def test_the_address_of_the_api_may_stand_before_a_page():
    subject = read_subject("http://127.0.0.1:8080/api/v4/a/b/-/pipelines/7")

    assert subject == Subject(
        "pipeline", "http://127.0.0.1:8080/a/b/-/pipelines/7", "http://127.0.0.1:8080"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "whole address"),
        ("7", "whole address"),
        ("gitlab.example.com/a/b/-/jobs/7", "whole address"),
        ("ssh://gitlab.example.com/a/b/-/jobs/7", "whole address"),
        ("https://[/a/b/-/jobs/7", "no address"),
        ("https://gitlab.example.com:port/a/b/-/jobs/7", "no address"),
        ("https://gitlab.example.com/a/b/-/merge_requests/7", "not the page of a job"),
        ("https://gitlab.example.com/a/b/-/jobs", "not the page of a job"),
    ],
)
def test_what_is_none_is_told_with_an_example(text, told):
    with pytest.raises(WatchMistake, match=told) as failure:
        read_subject(text)

    assert "/-/pipelines/1" in str(failure.value)


@pytest.mark.parametrize(
    "argument",
    [
        "glpat-sandbox-developer",
        "glcbt-64_abcdefgh",
        "gloas-0123456789abcdef",
        "--token=abc",
        "--token",
        "--private-token",
        "--gateway=http://x?private_token=abc",
        "https://oauth2:secret@gitlab.example.com/a/b/-/jobs/7",
        "https://gitlab.example.com/a/b/-/jobs/7?private_token=abc",
        "aB3dEfGh1jKlMn0pQrSt",
    ],
)
def test_what_looks_like_a_token_is_refused_and_not_repeated(argument):
    with pytest.raises(WatchMistake, match="GITLAB_TOKEN") as failure:
        refuse_credentials(["https://gitlab.example.com/a/b/-/jobs/7", argument])

    assert argument not in str(failure.value)


def test_addresses_and_options_are_no_tokens():
    refuse_credentials(
        [
            "https://gitlab.example.com/token-service/access-token/-/jobs/12345678901234567890",
            "--gateway",
            "http://gateway.example.com:8000/jobs/graphql",
            "--plain",
            "--log-format=raw",
        ]
    )

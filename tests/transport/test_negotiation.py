"""Accept and Content-Type, as RFC 9110 and GraphQL over HTTP have them."""

import pytest

from gateway.transport.negotiation import (
    GRAPHQL_RESPONSE,
    HTML,
    JSON,
    content_type_fault,
    negotiate,
)

BROWSER = b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
APOLLO = b"application/graphql-response+json,application/json;q=0.9"
URQL = (
    b"application/graphql-response+json, application/graphql+json, application/json, "
    b"text/event-stream, multipart/mixed"
)


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        (b"", JSON),
        (b"   ", JSON),
        (b"*/*", JSON),
        (b"application/*", JSON),
        (b"application/json", JSON),
        (b"APPLICATION/JSON ; Charset=UTF-8", JSON),
        (b"application/graphql-response+json", GRAPHQL_RESPONSE),
        (b'application/graphql-response+json; charset="utf-8"', GRAPHQL_RESPONSE),
        (APOLLO, GRAPHQL_RESPONSE),
        (URQL, GRAPHQL_RESPONSE),
        (b"application/json, application/graphql-response+json", GRAPHQL_RESPONSE),
        (b"application/json, application/graphql-response+json;q=0.5", JSON),
        (b"application/graphql-response+json;q=0.5, */*;q=0.8", JSON),
        (b"application/graphql-response+json, */*", GRAPHQL_RESPONSE),
        (b"application/json;q=0, */*", GRAPHQL_RESPONSE),
        (b"application/json;q=0.2, application/*;q=0.1", JSON),
        (b"text/event-stream, application/json;q=0.1", JSON),
        (b"application/json;q=5", JSON),
        (BROWSER, JSON),
        (b"text/html", None),
        (b"text/*", None),
        (b"application/json;q=0", None),
        (b"application/json;q=0, application/*;q=0", None),
        (b"application/json;charset=iso-8859-1", None),
        (b"application/json;q=much", None),
        (b"*/*;q=0", None),
        (b"nonsense", None),
        (b",;,", None),
    ],
)
def test_the_best_media_type_is_chosen(accept, given):
    assert given == negotiate(accept)


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        (BROWSER, HTML),
        (b"text/html", HTML),
        (b"text/html;q=0.5, application/json", JSON),
        (b"*/*", JSON),
        (b"text/*", None),
        (b"", JSON),
    ],
)
def test_html_is_for_callers_that_name_it(accept, given):
    assert given == negotiate(accept, offers_html=True)


@pytest.mark.parametrize(
    "content_type",
    [b"application/json", b"application/json; charset=utf-8", b'Application/JSON;charset="UTF-8"'],
)
def test_json_in_utf8_is_read(content_type):
    assert content_type_fault(content_type) is None


@pytest.mark.parametrize(
    "content_type",
    [
        b"",
        b"text/plain",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x",
        b"application/graphql",
        b"application/json; charset=utf-16",
        b"application/json, text/plain",
    ],
)
def test_any_other_body_is_not(content_type):
    assert content_type_fault(content_type)

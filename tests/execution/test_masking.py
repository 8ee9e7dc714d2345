"""What callers see of an error: its code and what they may know; of our own bugs nothing."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from graphql import GraphQLError, GraphQLSyntaxError, Source
from graphql.error import located_error

from gateway import errors
from gateway.errors import (
    CostExceeded,
    Forbidden,
    GatewayError,
    RateLimited,
    SubscriberTooSlow,
    UpstreamError,
)
from gateway.execution.masking import format_error, format_request_error

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDPOINT = "GET /projects/:id/jobs"


def family(error: type[GatewayError]) -> Iterator[type[GatewayError]]:
    yield error
    for child in error.__subclasses__():
        yield from family(child)


def made(error: type[GatewayError]) -> GatewayError:
    if issubclass(error, UpstreamError):
        return error("it said no", endpoint=ENDPOINT)
    if issubclass(error, CostExceeded):
        return error("it said no", estimated=9, ceiling=5, dearest="a.b")
    if issubclass(error, SubscriberTooSlow):
        return error("it said no", resume_from=7)
    return error("it said no")


def at_field(error: Exception) -> GraphQLError:
    """As an executor tells of it: where it happened."""
    located = located_error(error, None, ["job", "nodes", 3])
    assert isinstance(located, GraphQLError)
    return located


KINDS = sorted(family(GatewayError), key=lambda error: error.__name__)


class TestOurErrors:
    @pytest.mark.parametrize("kind", KINDS)
    def test_each_is_told_by_its_code(self, kind: type[GatewayError]) -> None:
        formatted = format_error(at_field(made(kind)), "r-1")

        assert formatted["message"] == "it said no"
        assert formatted["path"] == ["job", "nodes", 3]
        assert formatted["extensions"]["code"] == kind.code

    @pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.__subclasses__()])
    def test_each_cause_has_a_code_that_the_tree_shows(self, kind: type[GatewayError]) -> None:
        (line,) = (
            line for line in (errors.__doc__ or "").splitlines() if f" {kind.__name__} " in line
        )

        assert line.split()[-1] == kind.code

    def test_all_are_offered(self) -> None:
        assert {kind.__name__ for kind in KINDS} == set(errors.__all__)

    def test_no_two_causes_share_a_code(self) -> None:
        codes = [kind.code for kind in KINDS if not kind.__subclasses__()]

        assert len(set(codes)) == len(codes)

    def test_what_the_upstream_said_is_told_as_far_as_it_did(self) -> None:
        error = Forbidden(
            "hidden", endpoint=ENDPOINT, status=403, upstream_request_id="u-1", reason="no"
        )
        silent = Forbidden("hidden", endpoint=ENDPOINT)

        assert format_error(at_field(error), "r-1")["extensions"] == {
            "code": "FORBIDDEN",
            "upstream": {"endpoint": ENDPOINT, "status": 403, "requestId": "u-1", "reason": "no"},
        }
        assert format_error(at_field(silent), "r-1")["extensions"]["upstream"] == {
            "endpoint": ENDPOINT
        }

    def test_a_limited_rate_says_when_to_come_again(self) -> None:
        error = RateLimited("slow down", endpoint=ENDPOINT, retry_after_s=1.5)
        untold = RateLimited("slow down", endpoint=ENDPOINT)

        assert format_error(at_field(error), "r-1")["extensions"]["retryAfter"] == 1.5
        assert "retryAfter" not in format_error(at_field(untold), "r-1")["extensions"]

    def test_an_error_located_twice_keeps_its_cause(self) -> None:
        inner = at_field(Forbidden("hidden", endpoint=ENDPOINT))
        outer = GraphQLError("outer", original_error=inner)

        assert format_error(outer, "r-1")["extensions"]["code"] == "FORBIDDEN"


class TestCallersMistakes:
    def test_an_argument_that_does_not_fit_is_told_as_it_is(self) -> None:
        error = GraphQLError("Argument 'first' has invalid value.", path=["a"])

        assert format_error(error, "r-1") == {
            "message": "Argument 'first' has invalid value.",
            "path": ["a"],
            "extensions": {"code": "BAD_USER_INPUT"},
        }

    def test_a_document_that_cannot_be_read_has_a_code_of_its_own(self) -> None:
        error = GraphQLSyntaxError(Source("{ a"), 3, "Expected Name")

        formatted = format_request_error(error, code="GRAPHQL_VALIDATION_FAILED")

        assert formatted["extensions"] == {"code": "GRAPHQL_PARSE_FAILED"}
        assert formatted["locations"] == [{"line": 1, "column": 4}]

    def test_other_refusals_have_the_code_they_are_given(self) -> None:
        formatted = format_request_error(GraphQLError("no"), code="BAD_REQUEST")

        assert formatted == {"message": "no", "extensions": {"code": "BAD_REQUEST"}}

    def test_a_cost_that_is_too_high_tells_its_figures(self) -> None:
        error = GraphQLError("too dear", original_error=made(CostExceeded))

        assert format_request_error(error)["extensions"] == {
            "code": "COST_EXCEEDED",
            "cost": {"estimated": 9, "ceiling": 5, "dearest": "a.b"},
        }


class TestOurBugs:
    @pytest.mark.parametrize(
        "bug",
        [ValueError("glpat-secret"), KeyError("glpat-secret"), Exception("glpat-secret")],
    )
    def test_are_masked(self, bug: Exception) -> None:
        formatted = format_error(at_field(bug), "r-1")

        assert "secret" not in json.dumps(formatted)
        assert formatted["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": "r-1"}
        assert "r-1" in formatted["message"]
        assert formatted["path"] == ["job", "nodes", 3]

    def test_are_recorded_whole_under_the_request_id(
        self, records: pytest.LogCaptureFixture
    ) -> None:
        records.set_level(logging.ERROR, "gateway.execution")
        bug = ValueError("what happened")

        format_error(at_field(bug), "r-1")

        (recorded,) = records.records
        assert "r-1" in recorded.getMessage()
        assert recorded.exc_info is not None
        assert recorded.exc_info[1] is bug

    def test_others_are_not_recorded(self, records: pytest.LogCaptureFixture) -> None:
        records.set_level(logging.DEBUG, "gateway.execution")

        for kind in KINDS:
            format_error(at_field(made(kind)), "r-1")

        assert records.records == []


def test_every_error_can_be_sent() -> None:
    formatted: list[Any] = [format_error(at_field(made(kind)), "r-1") for kind in KINDS]

    assert json.loads(json.dumps(formatted)) == formatted

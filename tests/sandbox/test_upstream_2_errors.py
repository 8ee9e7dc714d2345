"""upstream.md, 2: error bodies. One test per row of its table, in their order."""

import pytest

from gateway.sandbox import Fault


def test_no_or_unknown_token(lab):
    unauthorized = (401, {"message": "401 Unauthorized"})
    assert lab.as_(None).get("/projects/10/jobs").said == unauthorized
    assert lab.get("/projects/10/jobs", headers={"private-token": "x"}).said == unauthorized


def test_token_expired(lab):
    assert lab.as_("expired").get("/projects/10/jobs").said == (
        401,
        {
            "error": "invalid_token",
            "error_description": "Token is expired. You can either do re-authorization or token"
            " refresh.",
        },
    )


def test_token_revoked(lab):
    assert lab.as_("revoked").get("/projects/10/jobs").said == (
        401,
        {
            "error": "invalid_token",
            "error_description": "Token was revoked. You have to re-authorize from the user.",
        },
    )


def test_scope_too_small(lab):
    status, body = lab.as_("read_only").post(f"/projects/10/jobs/{lab.job()}/cancel").said

    assert status == 403
    assert body.pop("scope").startswith("api")
    assert body == {
        "error": "insufficient_scope",
        "error_description": "The request requires higher privileges than provided by the access"
        " token.",
    }


def test_no_permission(lab):
    answer = lab.as_("reporter").post(f"/projects/10/jobs/{lab.job()}/cancel")
    assert answer.said == (403, {"message": "403 Forbidden"})


def test_refused_with_reason(lab):
    answer = lab.post(f"/projects/10/jobs/{lab.job('running')}/retry")
    assert answer.said == (403, {"message": "403 Forbidden - Job is not retryable"})


@pytest.mark.parametrize(
    ("role", "project"), [("maintainer", 987654321), ("outsider", 11), ("outsider", "no%2Fsuch")]
)
@pytest.mark.parametrize("route", ["", "/jobs", "/pipelines"])
def test_project_unknown_or_invisible(lab, role, project, route):
    answer = lab.as_(role).get(f"/projects/{project}{route}")
    assert answer.said == (404, {"message": "404 Project Not Found"})


@pytest.mark.parametrize("route", ["jobs/{job}", "jobs/{job}/trace", "pipelines/{pipeline}"])
def test_job_or_pipeline_unknown_or_of_another_project(lab, route):
    unknown = route.format(job=987654321, pipeline=987654321)
    foreign = route.format(job=lab.job(project=11), pipeline=lab.pipeline(project=11))

    expected = (404, {"message": "404 Not found"})
    assert lab.get(f"/projects/10/{unknown}").said == expected
    assert lab.get(f"/projects/10/{foreign}").said == expected


def test_resource_named_explicitly(lab):
    """A personal token has no job of its own (upstream.md, 3.6)."""
    assert lab.get("/job").said == (404, {"message": "404 Job Not Found"})


def test_no_file(lab):
    answer = lab.get(f"/projects/10/jobs/{lab.job('success')}/artifacts")
    assert answer.said == (404, {"message": "404 Not Found"})


@pytest.mark.parametrize("target", ["/nothing", "/projects/10/jobs/1/nothing", "/"])
def test_no_such_route(lab, target):
    assert lab.get(target).said == (404, {"error": "404 Not Found"})


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("page=x", "page is invalid"),
        ("scope=x", "scope does not have a valid value"),
        ("per_page=0", "per_page has a value not allowed"),
        ("page=x&scope=x", "page is invalid, scope does not have a valid value"),
    ],
)
def test_parameter_refused(lab, query, text):
    """Several are joined with `, `."""
    status, body = lab.get(f"/projects/10/jobs?{query}").said

    assert status == 400
    assert sorted(body["error"].split(", ")) == sorted(text.split(", "))


def test_parameter_missing(lab):
    body = {"job_variables_attributes": [{"value": "1"}]}
    answer = lab.post(f"/projects/10/jobs/{lab.job('manual', when='manual')}/play", json_body=body)
    assert answer.said == (400, {"error": "job_variables_attributes[0][key] is missing"})


def test_business_refusal(lab):
    answer = lab.post(f"/projects/10/jobs/{lab.job('running')}/play")
    assert answer.said == (400, {"message": "400 Bad request - Unplayable Job"})


def test_keyset_order_unsupported(lab):
    answer = lab.get("/projects/10/jobs?pagination=keyset&sort=asc")
    refusal = {"error": "Keyset pagination is not yet available for this type of request"}
    assert answer.said == (405, refusal)


def test_offset_too_deep(lab):
    answer = lab.get("/projects/10/jobs?page=1000&per_page=100")

    assert answer.status == 405
    assert answer.json()["error"].startswith(
        "Offset pagination has a maximum allowed offset of 50000 for requests that return objects"
        " of type Ci::Build."
    )


def test_write_to_a_moved_project_path(lab):
    answer = lab.post(f"/projects/lab%2Fold-name/jobs/{lab.job(project=12)}/cancel")
    assert answer.said == (405, {"message": "Non GET methods are not allowed for moved projects"})


def test_optimistic_lock_lost(lab):
    job = lab.job("pending")
    lab.sandbox.faults.append(Fault(kind="status", status=409, times=1))

    answer = lab.post(f"/projects/10/jobs/{job}/cancel")

    assert answer.said == (409, {"message": "409 Conflict: Resource lock"})
    assert lab.get(f"/projects/10/jobs/{job}").json()["status"] == "pending"


def test_artifact_statistics_being_recomputed(lab):
    job = lab.job("success", project=13, artifacts=True)

    answer = lab.post(f"/projects/13/jobs/{job}/erase")

    assert answer.said == (
        409,
        {
            "message": "Action temporarily disabled. The project this pipeline belongs to is"
            " undergoing stats refresh."
        },
    )
    assert lab.get(f"/projects/13/jobs/{job}").json()["artifacts"]


def test_endpoint_limiter(lab):
    lab.sandbox.limits.project_jobs = 600

    answers = [lab.get("/projects/10/jobs?per_page=1") for _ in range(601)]

    assert {answer.status for answer in answers[:600]} == {200}
    assert answers[600].said == (
        429,
        {"message": {"error": "This endpoint has been requested too many times. Try again later."}},
    )


def test_global_limiter(lab):
    """The text's wording is *(unverified)*; that it is plain text is not."""
    lab.sandbox.faults.append(Fault(kind="rate_limit_global", times=1, retry_after=30))

    answer = lab.get("/projects/10/jobs")

    assert answer.status == 429
    assert answer.header("content-type").startswith("text/plain")
    assert answer.text.strip() == "Retry later"


def test_anything_unhandled(lab):
    lab.sandbox.faults.append(Fault(kind="status", status=500, times=1))

    answer = lab.get("/projects/10/jobs")

    assert answer.said == (500, {"message": "500 Internal Server Error"})


@pytest.mark.parametrize("role", ["expired", "revoked"])
def test_bearer_errors_carry_www_authenticate(lab, role):
    challenge = lab.as_(role).get("/projects/10/jobs").header("www-authenticate")
    assert challenge.startswith('Bearer realm="The API"')


def test_plain_401_and_insufficient_scope_do_not(lab):
    """*(derived)*"""
    plain = lab.as_(None).get("/projects/10/jobs")
    small = lab.as_("read_only").post("/projects/10/jobs/1/cancel")

    assert plain.header("www-authenticate") is None
    assert small.header("www-authenticate") is None


def test_every_error_has_one_of_the_three_shapes(lab, schemas):
    calls = [
        lab.as_(None).get("/projects/10/jobs"),
        lab.as_("expired").get("/projects/10/jobs"),
        lab.as_("read_only").post("/projects/10/jobs/1/cancel"),
        lab.get("/nothing"),
        lab.get("/projects/10/jobs?scope=bad"),
        lab.get("/projects/10/jobs/987654321"),
    ]

    assert [fault for answer in calls for fault in schemas.faults("error", answer.json())] == []
    assert all(answer.status >= 400 for answer in calls)

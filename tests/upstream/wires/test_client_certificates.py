"""The behaviour suite of the wires: an upstream that asks its callers for a certificate."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from gateway.upstream.causes import Cause
from gateway.upstream.wire import NotConnected, WireOptions
from gateway.upstream.wires import open_wire
from tests.harness.app import running_app
from tests.upstream.conftest import RawServer, an_answer, say
from tests.upstream.wires.raw import refusing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.anyio

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
JOB = {"id": 2, "name": "build", "status": "failed"}
QUERY = '{ job(by: {path: {project: "1", job: "2"}}) { name } }'


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def client_cert(authority: trustme.CA, tmp_path: Path) -> str:
    return certificate_of(authority, tmp_path)


def certificate_of(authority: trustme.CA, folder: Path) -> str:
    path = folder / "gateway.pem"
    authority.issue_cert("gateway@example.com").private_key_and_cert_chain_pem.write_to_path(
        str(path)
    )
    return str(path)


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def tls(authority: trustme.CA, request: pytest.FixtureRequest) -> ssl.SSLContext:
    """A server's, which asks for a certificate and takes none but the authority's."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.maximum_version = request.param
    tls.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.configure_trust(tls)
    return tls


@pytest.fixture
async def server(anyio_backend: str, tls: ssl.SSLContext) -> AsyncIterator[RawServer]:
    async with RawServer().running(tls) as running:
        running.answer = say(an_answer(JOB).body)
        yield running


async def test_the_certificate_is_shown_to_who_asks_for_one(
    wire_name, server, ca_file, client_cert
):
    options = WireOptions(server.origin, ca_file=ca_file, client_cert=client_cert)
    async with open_wire(wire_name, options) as wire:
        answer = await wire.send("GET", "/", {}, timeout_s=10)

    assert answer.status == 200
    assert len(server.heads) == 1


async def test_one_of_an_authority_that_is_unknown_is_none(wire_name, tls, ca_file, tmp_path):
    stranger = certificate_of(trustme.CA(), tmp_path)
    with refusing(tls) as port:
        options = WireOptions(f"https://{port}", ca_file=ca_file, client_cert=stranger)
        async with open_wire(wire_name, options) as wire:
            with pytest.raises(NotConnected) as caught:
                await wire.send("POST", "/", {"PRIVATE-TOKEN": "glpat-secret"}, timeout_s=10)

    assert caught.value.cause is Cause.CLIENT_CERTIFICATE_REQUIRED
    assert not caught.value.was_sent


async def test_the_gateway_shows_the_one_that_is_set(wire_name, server, ca_file, client_cert):
    settings = {"upstream_ca_file": ca_file, "upstream_client_cert": client_cert}
    async with running_app(upstream_url=server.origin, wire=wire_name, **settings) as api:
        answer = await api(QUERY)

    assert answer == {"data": {"job": {"name": "build"}}}


async def test_without_one_the_gateway_says_what_to_set(wire_name, tls, ca_file):
    with refusing(tls) as port:
        upstream = {"upstream_url": f"https://{port}", "upstream_ca_file": ca_file}
        async with running_app(wire=wire_name, **upstream) as api:
            answer = await api(QUERY)

    [error] = answer["errors"]
    assert error["extensions"]["code"] == "UPSTREAM_UNAVAILABLE"
    assert "GATEWAY_UPSTREAM_CLIENT_CERT" in error["message"]


@pytest.mark.parametrize("cause", [Cause.CLIENT_CERTIFICATE_REQUIRED, Cause.TLS_FAILED])
def test_the_errors_name_the_setting(cause):
    assert "GATEWAY_UPSTREAM_CLIENT_CERT" in cause.sentence

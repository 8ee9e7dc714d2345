"""One behaviour suite over every wire: what goes out, what comes back, and to whom."""

from __future__ import annotations

import pytest

from gateway.upstream.wire import (
    NotConnected,
    WireOptions,
)
from gateway.upstream.wires import open_wire

pytestmark = pytest.mark.anyio


async def test_an_answer_comes_with_status_headers_and_bytes(wire, server, answering):
    server.answer = answering(b'{"id":1}', status="201 Created", headers=("X-Request-Id: abc",))

    answer = await wire.send("GET", "/api/v4/job", {}, timeout_s=5)

    assert (answer.status, answer.body) == (201, b'{"id":1}')
    assert answer.header("x-request-id") == answer.header("X-Request-ID") == "abc"
    assert answer.header("x-other") is None


async def test_of_a_header_that_comes_twice_the_first_is_told(wire, server, answering):
    server.answer = answering(b"{}", headers=("X-Request-Id: first", "x-request-id: second"))

    answer = await wire.send("GET", "/api/v4/job", {}, timeout_s=5)

    assert answer.header("X-Request-Id") == "first"


async def test_all_values_of_a_header_that_comes_several_times_are_told(wire, server, answering):
    server.answer = answering(b"{}", headers=("Link: <a>, <b>", "link: <c>", "LINK: "))

    answer = await wire.send("GET", "/api/v4/job", {}, timeout_s=5)

    assert answer.header_values("Link") == ["<a>, <b>", "<c>", ""]
    assert answer.header_values("x-other") == []


@pytest.mark.parametrize(
    "target",
    [
        "/api/v4/projects/group%2Fsub.name%2Fp/jobs?scope%5B%5D=pending&cursor=eyJ9%3D%3D",
        "/api/v4/projects/a%252Fb",
        "/api/v4/projects/%E2%9C%93/jobs",
    ],
)
async def test_the_target_goes_out_as_it_is_given(wire, server, target):
    await wire.send("GET", target, {}, timeout_s=5)

    assert server.heads[0].split(" ")[:2] == ["GET", target]


async def test_headers_go_out_exactly_and_no_credential_is_invented(wire, server):
    await wire.send("GET", "/", {"PRIVATE-TOKEN": "secret-1", "X-A": "b c"}, timeout_s=5)

    lines = server.heads[0].lower().splitlines()
    assert "private-token: secret-1" in lines
    assert "x-a: b c" in lines
    assert not any(line.startswith(("cookie", "authorization")) for line in lines)


async def test_a_body_is_sent_with_its_length(wire, server):
    await wire.send("POST", "/", {"Content-Type": "application/json"}, body=b'{"a":1}', timeout_s=5)

    assert server.bodies == [b'{"a":1}']
    assert "content-length: 7" in server.heads[0].lower()


async def test_connections_are_used_again(wire, server):
    for _ in range(5):
        await wire.send("GET", "/", {}, timeout_s=5)

    assert server.connections == 1


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\0b"])
async def test_a_header_cannot_hold_another(wire, server, value):
    with pytest.raises(ValueError, match=r"line|ASCII"):
        await wire.send("GET", "/", {"X-A": value}, timeout_s=5)

    assert server.heads == []


@pytest.mark.parametrize("target", ["/a b", "/a\r\nX-Injected: 1", "/\u2713"])
async def test_a_target_cannot_leave_its_line(wire, server, target):
    with pytest.raises(ValueError, match=r"line|ASCII"):
        await wire.send("GET", target, {}, timeout_s=5)

    assert server.heads == []


@pytest.mark.parametrize(
    "place", ["http://127.0.0.1:1/x", "/x", "//y/x", "javascript:x", "https://[x", "http://x:y/"]
)
async def test_redirects_are_handed_over_not_followed(wire, server, answering, place):
    server.answer = answering(b"", status="302 Found", headers=(f"location: {place}",))

    answer = await wire.send("GET", "/", {"PRIVATE-TOKEN": "secret-1"}, timeout_s=5)

    assert (answer.status, answer.header("location")) == (302, place)
    assert len(server.heads) == 1


async def test_cookies_are_not_kept(wire, server, answering):
    server.answer = answering(b"{}", headers=("set-cookie: a=b",))

    await wire.send("GET", "/", {}, timeout_s=5)
    await wire.send("GET", "/", {}, timeout_s=5)

    assert "cookie" not in server.heads[1].lower()


async def test_proxies_of_the_environment_are_not_used(wire_name, server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

    async with open_wire(wire_name, WireOptions(server.origin)) as wire:
        assert (await wire.send("GET", "/", {}, timeout_s=5)).status == 200


async def test_a_proxy_of_the_settings_is_used(wire_name, server):
    options = WireOptions("http://gitlab.invalid", proxy=server.origin)

    async with open_wire(wire_name, options) as wire:
        await wire.send("GET", "/api/v4/job", {}, timeout_s=5)

    assert server.heads[0].startswith("GET http://gitlab.invalid/api/v4/job ")


@pytest.mark.parametrize(
    ("trusts", "verifies", "works"),
    [(False, True, False), (True, True, True), (False, False, True)],
)
async def test_tls_is_verified_unless_it_is_switched_off(
    wire_name, tls_server, tmp_path, trusts, verifies, works
):
    server, authority = tls_server
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    options = WireOptions(
        server.origin, verify_tls=verifies, ca_file=str(ca_file) if trusts else None
    )

    async with open_wire(wire_name, options) as wire:
        if works:
            assert (await wire.send("GET", "/", {}, timeout_s=5)).status == 200
        else:
            with pytest.raises(NotConnected):
                await wire.send("GET", "/", {}, timeout_s=5)
            assert server.heads == []

"""A store over TLS: with an authority of its own, with certificates of clients, and where they do
not fit.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
import trustme

from gateway.settings import Settings, SettingsError
from gateway.sharing import check_store, examine_store
from gateway.store.connection import Store
from tests.harness.app import running_app
from tests.harness.redis import PATIENCE_S, free_port, redis_cluster, redis_server
from tests.harness.turns import until
from tests.replicas.servers import upstream
from tests.store.stores import connected, until_back

pytestmark = pytest.mark.anyio

KEY = "0123456789abcdef0123456789abcdef"
JOB = "{ job(by: {path: {project: 1, job: 2}}) { name } }"


class Authority:
    """One that signs, and its files."""

    def __init__(self, folder):
        folder.mkdir()
        self._ca, self._folder = trustme.CA(), folder
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.file)

    def issue(self, *names, **more):
        """A certificate and its key."""
        made = self._ca.issue_cert(*names, **more)
        certificate, key = (self._folder / f"{names[0]}.{kind}" for kind in ("pem", "key"))
        certificate.write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
        made.private_key_pem.write_to_path(key)
        return certificate, key


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")


@contextmanager
def over_tls(authority, pair, *options, clients="no"):
    """A server whose port speaks TLS; gives what makes an address of it by options."""
    port = free_port()
    files = files_of(authority, pair)
    with redis_server(*("--tls-port", str(port), "--tls-auth-clients", clients, *files, *options)):
        yield lambda **query: f"rediss://127.0.0.1:{port}/0?{urlencode(query)}"


def files_of(authority, pair):
    certificate, key = pair
    return (
        *("--tls-cert-file", str(certificate), "--tls-key-file", str(key)),
        *("--tls-ca-cert-file", str(authority.file)),
    )


async def said_of(url, caplog):
    """What the records say of a store that cannot be used."""
    store = Store(url, patience_s=PATIENCE_S)
    await store.start()
    was_up = store.is_up
    await store.aclose()
    assert not was_up
    return caplog.text


async def answer_of(url):
    store = Store(url, patience_s=PATIENCE_S)
    await store.start()
    try:
        await until_back(store)
        return await store.run("ECHO", 1)
    finally:
        await store.aclose()


class TestTrusted:
    async def test_gateways_share_over_it(self, redis, authority):
        with over_tls(authority, authority.issue("127.0.0.1")) as url:
            async with upstream() as over:
                options = {
                    "upstream_url": over.url,
                    "store_url": url(ssl_ca_certs=authority.file),
                    "store_key": KEY,
                    "store_timeout_s": PATIENCE_S,
                    "tokens": over.sandbox.tokens,
                }
                async with running_app(**options) as one, running_app(**options) as other:
                    first = await one(JOB)
                    store = one.gateway._kept._store
                    await until(lambda: not (store._waiting or store._lanes))
                    calls = over.calls
                    again = await other(JOB)

                    assert first == again
                    assert first["data"]["job"]["name"]
                    assert over.calls == calls

    async def test_with_a_certificate_of_the_gateway(self, redis, authority):
        own, key = authority.issue("gateway")
        with over_tls(authority, authority.issue("127.0.0.1"), clients="yes") as url:
            named = url(ssl_ca_certs=authority.file, ssl_certfile=own, ssl_keyfile=key)

            assert await answer_of(named) == b"1"

    async def test_a_certificate_as_companies_make_them_by_hand_is_taken(
        self, redis, authority, tmp_path
    ):
        """Python 3.13 wants a leaf to name its authority's key."""
        ca, key, leaf, ask = (str(tmp_path / name) for name in ("ca", "key", "leaf", "ask"))
        extension = tmp_path / "ext"
        extension.write_text(
            "subjectAltName=IP:127.0.0.1\nauthorityKeyIdentifier=none\nsubjectKeyIdentifier=none\n"
        )
        new = ("openssl", "req", "-newkey", "rsa:2048", "-nodes")
        for command in (
            (*new, "-x509", "-subj", "/CN=Our CA", "-keyout", f"{ca}.key", "-out", ca),
            (*new, "-subj", "/CN=store", "-keyout", key, "-out", ask),
            (
                *("openssl", "x509", "-req", "-in", ask, "-CA", ca, "-CAkey", f"{ca}.key"),
                *("-out", leaf, "-extfile", str(extension)),
            ),
        ):
            await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
        with over_tls(authority, (leaf, key)) as url:
            assert await answer_of(url(ssl_ca_certs=ca)) == b"1"

    async def test_of_a_cluster_as_well(self, redis, authority):
        tls = files_of(authority, authority.issue("127.0.0.1"))
        with redis_cluster(tls=(*tls, "--tls-auth-clients", "no")) as (url, servers):
            async with connected(f"{url}&ssl_ca_certs={authority.file}") as store:
                for number in range(30):
                    await store.run("SET", store.key(f"{number}", "a"), number)
                heard = []
                store.on("c", heard.append)
                await store.heard()
                await store.publish("c", b"1")
                await until(lambda: heard)
            found = await examined(f"{url}&ssl_ca_certs={authority.file}")

            assert all(int(server.ask("DBSIZE")[1:]) > 2 for server in servers)
            assert {one.about for one in found if one.kind == "fault"} == set()

    async def test_authorities_are_read_once_and_not_by_the_loop(
        self, redis, authority, monkeypatch
    ):
        """It takes tens of milliseconds each time."""
        made, by = ssl.create_default_context, []

        def counted(*args, **options):
            by.append(threading.current_thread())
            return made(*args, **options)

        monkeypatch.setattr(ssl, "create_default_context", counted)
        with over_tls(authority, authority.issue("127.0.0.1")) as url:
            await answer_of(url(ssl_ca_certs=authority.file))

        assert len(by) == 1
        assert by[0] is not threading.main_thread()


class TestRefused:
    async def test_an_authority_that_nobody_knows(self, redis, authority, tmp_path, caplog):
        other = Authority(tmp_path / "other")
        with over_tls(authority, authority.issue("127.0.0.1")) as url:
            said = await said_of(url(ssl_ca_certs=other.file), caplog)

        assert "is not there (CERTIFICATE_UNTRUSTED: " in said
        assert "ssl_ca_certs=FILE" in said

    async def test_a_certificate_of_another_host(self, redis, authority, caplog):
        with over_tls(authority, authority.issue("store.example.com")) as url:
            said = await said_of(url(ssl_ca_certs=authority.file), caplog)

        assert "(CERTIFICATE_WRONG_HOST: " in said

    async def test_a_certificate_that_has_expired(self, redis, authority, caplog):
        yesterday = datetime.now(UTC) - timedelta(days=1)
        with over_tls(authority, authority.issue("127.0.0.1", not_after=yesterday)) as url:
            said = await said_of(url(ssl_ca_certs=authority.file), caplog)

        assert "(CERTIFICATE_OUT_OF_DATE: " in said

    async def test_a_gateway_without_the_certificate_that_is_wanted(
        self, redis, authority, tmp_path, caplog
    ):
        strange, key = Authority(tmp_path / "other").issue("gateway")
        with over_tls(authority, authority.issue("127.0.0.1"), clients="yes") as url:
            without = await said_of(url(ssl_ca_certs=authority.file), caplog)
            caplog.clear()
            options = {"ssl_certfile": strange, "ssl_keyfile": key}
            unknown = await said_of(url(ssl_ca_certs=authority.file, **options), caplog)

        # It says so and hangs up at once, which may be faster.
        for said in (without, unknown):
            assert "(CLIENT_CERTIFICATE_REQUIRED: " in said or "(CONNECTION_LOST: " in said
            assert "ssl_certfile=FILE and ssl_keyfile=FILE" in said

    async def test_a_port_that_speaks_the_other_way(self, redis, authority, caplog):
        port = free_port()
        pair = authority.issue("127.0.0.1")
        with over_tls(authority, pair, "--port", str(port)) as url:
            plain = await said_of(f"rediss://127.0.0.1:{port}", caplog)
            caplog.clear()
            secured = await said_of(url().replace("rediss:", "redis:"), caplog)

        # A Redis waits for the end of a line in what a handshake begins with.
        assert "(CONNECT_TIMED_OUT: " in plain
        assert "the port speaks TLS where that says rediss" in plain
        assert "write rediss://" in secured


class TestDoctor:
    async def test_says_what_to_set(self, redis, authority):
        with over_tls(authority, authority.issue("127.0.0.1")) as url:
            found = await examined(url())
            cured = await examined(url(ssl_ca_certs=authority.file))
            unchecked = await examined(url(ssl_cert_reqs="none", ssl_check_hostname="false"))

        assert [one.set_to for one in found] == [
            ("GATEWAY_STORE_URL=…?ssl_ca_certs=the PEM file of the authority that signed it",)
        ]
        assert [one.kind for one in cured if one.about == "store tls"] == ["ok"]
        assert [one.kind for one in unchecked if one.about == "store tls"] == ["note"]


async def examined(url):
    settings = Settings(upstream_url="http://a", store_url=url, store_key=KEY)
    return await examine_store(settings, "http://a/api/v4")


class TestFiles:
    """Mistakes in them are told at the start, and not each second."""

    @pytest.mark.parametrize("name", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
    def test_that_are_not_there(self, name):
        settings = Settings(store_url=f"rediss://:hush@a?{name}=/no/such/hush", store_key=KEY)

        with pytest.raises(SettingsError) as mistake:
            check_store(settings)

        told = f"names a file by {name} that cannot be read: No such file or directory"
        assert str(mistake.value) == f"GATEWAY_STORE_URL=… {told}"

    def test_that_hold_no_certificate(self, tmp_path):
        (tmp_path / "ca.pem").write_text("nothing")
        url = f"rediss://:hush@a?ssl_ca_certs={tmp_path}/ca.pem"

        with pytest.raises(SettingsError, match="what is no certificate in PEM"):
            check_store(Settings(store_url=url, store_key=KEY))

    def test_a_certificate_with_the_key_of_another(self, authority):
        certificate, _ = authority.issue("one")
        _, key = authority.issue("two")
        query = urlencode({"ssl_certfile": certificate, "ssl_keyfile": key})

        with pytest.raises(SettingsError, match="not the key of one"):
            check_store(Settings(store_url=f"rediss://a?{query}", store_key=KEY))

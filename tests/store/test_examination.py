"""What the doctor finds of stores that are well, and of those that are not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.settings import Settings
from gateway.sharing import examine_store, shared_of
from gateway.store.examination import CLUSTER_RULES, RULES
from gateway.store.replicas import Replicas
from gateway.store.servers import Line
from tests.harness.command import run
from tests.harness.redis import PATIENCE_S, free_port, redis_cluster, redis_server

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
API = "https://gitlab.test/api/v4"
KEY = "k" * 32


def settings(url, **others):
    given = {"store_url": url, "store_key": KEY, "store_timeout_s": PATIENCE_S} | others
    return Settings(upstream_url="https://gitlab.test", **given)


async def findings(url, **others):
    """Kind and text, by what they are about."""
    found = await examine_store(settings(url, **others), API)
    return {one.about: (one.kind, one.text) for one in found}


async def kinds(url, **others):
    return {about: kind for about, (kind, _) in (await findings(url, **others)).items()}


async def set_to(url, **others):
    return [
        line for one in await examine_store(settings(url, **others), API) for line in one.set_to
    ]


def user(redis, rules, name="gateway"):
    """The address for a user that may do this."""
    redis.ask("ACL", "SETUSER", name, "on", ">hush", *rules.split())
    return f"unix://{name}@{redis.path}?password=hush"


class TestWell:
    async def test_all_is_told_and_nothing_stays(self, redis):
        with redis_server("--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru") as bounded:
            found = await findings(bounded.url)
            keys = bounded.ask("DBSIZE")

        names = ["kind", "news", "rights", "memory", "clock", "times"]
        assert {about: kind for about, (kind, _) in found.items()} == dict.fromkeys(
            ["store", *(f"store {name}" for name in names), "gateways"], "ok"
        )
        assert re.fullmatch(r"(redis|valkey) \d+\.\d+\.\d+, one server", found["store kind"][1])
        assert found["store memory"][1] == "67 MB, then it forgets (allkeys-lru)"
        assert keys == b":0"

    async def test_all_commands_that_gateways_use_are_tried(self):
        sources = [
            path.read_text()
            for path in (ROOT / "gateway" / "store").iterdir()
            if path.suffix in {".py", ".lua"} and path.name not in {"trials.py", "examination.py"}
        ]
        told = (ROOT / "gateway" / "store" / "trials.py").read_text()
        used = set(re.findall(r"redis\.call\('([A-Z]+)'", "".join(sources)))
        used |= set(re.findall(r'(?:run|tell|send_command)\(\s*"([A-Z]+)', "".join(sources)))

        tried = set(re.findall(r'"([A-Z]+)"', told))
        assert len(used) > 20
        # A connection is asked PING by `connect`.
        assert used - tried == {"PING"}

    async def test_a_user_with_the_rights_that_the_page_names_is_enough(self, redis):
        page = (ROOT / "docs" / "operations.md").read_text()
        url = user(redis, RULES)

        found = await kinds(url)

        assert f"`{RULES}`" in page
        assert f"`{CLUSTER_RULES}`" in page
        assert found["store rights"] == found["store news"] == found["store kind"] == "ok"
        # INFO tells too much for them.
        assert found["store memory"] == "unknown"

    async def test_who_shares_it_is_counted(self, redis):
        mine, other = settings(redis.url), settings(redis.url, store_key="o" * 32)
        async with shared_of(mine, API) as shared, shared_of(other, API) as strange:
            replicas = [Replicas(shared.store), Replicas(shared.store), Replicas(strange.store)]
            for one in replicas:
                await one.start()
            found = await findings(redis.url)
            alone = await findings(redis.url, store_key="n" * 32)
            for one in replicas:
                await one.aclose()

        told = "2 of this key and upstream are up, 1 of another key or upstream, which shares"
        assert found["gateways"] == ("ok", f"{told} nothing with these")
        assert alone["gateways"][0] == "note"
        assert alone["gateways"][1].startswith("0 of this key and upstream are up, 3 of another")

    async def test_of_a_cluster_it_tells_how_many_there_are(self, redis):
        with redis_cluster() as (url, servers):
            found = await findings(url)
            keys = [server.ask("DBSIZE") for server in servers]

        assert found["store kind"][1].endswith(", a cluster of 3 primaries")
        assert found["store rights"][0] == found["store news"][0] == "ok"
        assert keys == [b":0"] * 3


class TestNotes:
    async def test_a_memory_without_a_bound(self, redis):
        assert (await kinds(redis.url))["store memory"] == "note"

    async def test_a_memory_that_forgets_nothing(self, redis):
        with redis_server("--maxmemory", "64mb") as bounded:
            kind, text = (await findings(bounded.url))["store memory"]

        assert kind == "note"
        assert "maxmemory-policy to allkeys-lru" in text

    async def test_answers_that_take_too_long(self, redis):
        [wanted] = await set_to(redis.url, store_timeout_s=1e-6)

        assert re.fullmatch(r"GATEWAY_STORE_TIMEOUT_S=\d[\d.e-]*", wanted)


class TestFaults:
    async def test_nobody_is_there(self):
        found = await findings("redis://127.0.0.1:9")

        assert list(found) == ["store"]
        assert found["store"][0] == "fault"
        assert found["store"][1].endswith("(CONNECTION_REFUSED)")

    async def test_it_answers_nothing(self, redis, monkeypatch):
        monkeypatch.setattr("gateway.store.examination.CONNECT_TIMEOUT_S", 0.2)
        redis.freeze()

        found = await findings(redis.url)

        assert found["store"][0] == "fault"
        assert found["store"][1].endswith("(CONNECT_TIMED_OUT)")

    @pytest.mark.parametrize(
        "url", ["unix://gateway@%s?password=other", "unix://who@%s?password=x"]
    )
    async def test_a_password_that_is_refused_is_shown_nowhere(self, redis, url):
        user(redis, RULES)

        found = await findings(url % redis.path)

        assert list(found) == ["store"]
        assert found["store"][1].endswith("(PASSWORD_REFUSED)")
        assert "other" not in found["store"][1].replace("another", "")

    async def test_rights_that_are_lacking_are_named(self, redis):
        url = user(redis, f"{RULES} -hset -eval -publish")

        kind, text = (await findings(url))["store rights"]

        assert kind == "fault"
        assert text == f"its user may not use HSET, EVAL, PUBLISH; give it {RULES}"

    async def test_keys_and_channels_of_others_only(self, redis):
        url = user(redis, RULES.replace("jgw:1:", "other:"))

        kind, text = (await findings(url))["store rights"]

        assert kind == "fault"
        assert {"SET", "SUBSCRIBE"} <= set(re.findall("[A-Z]+", text))
        assert redis.ask("DBSIZE") == b":0"

    async def test_what_would_stay_is_not_tried(self, redis):
        url = user(redis, f"{RULES} -expire -del")

        found = await findings(url)

        assert found["store rights"][0] == "fault"
        assert b"hset" not in redis.ask_all("INFO", "commandstats")

    async def test_gateways_that_may_not_be_counted_are_unknown(self, redis):
        url = user(redis, RULES.replace("jgw:1:", "other:"))

        assert (await findings(url))["gateways"] == ("unknown", "its user may not count them")

    @pytest.mark.parametrize(("version", "kind"), [(b"6.0.20", "fault"), (b"6.2.0", "ok")])
    async def test_a_server_that_is_too_old(self, redis, monkeypatch, version, kind):
        ask = Line.ask

        async def of_version(line, *command):
            answer = await ask(line, *command)
            if command == ("HELLO",):
                answer[answer.index(b"server") + 1] = b"redis"
                answer[answer.index(b"version") + 1] = version
            return answer

        monkeypatch.setattr(Line, "ask", of_version)

        assert (await findings(redis.url))["store kind"][0] == kind

    async def test_a_database_that_is_not_there(self, redis):
        found = await findings(f"{redis.url}?db=99")

        assert list(found) == ["store"]
        assert found["store"][1].endswith("(NO_DATABASE)")

    async def test_a_copy_takes_no_writes(self, redis):
        redis.ask("REPLICAOF", "127.0.0.1", "9")

        assert (await findings(redis.url))["store kind"][1].endswith("(READ_ONLY)")
        assert await set_to(redis.url) == ["GATEWAY_STORE_URL=the address of the primary"]

    async def test_a_memory_that_is_full(self, redis):
        with redis_server("--maxmemory", "1kb") as full:
            found = await findings(full.url)

        assert found["store rights"][0] == "fault"
        assert found["store rights"][1].endswith("(FULL)")

    async def test_a_node_of_a_cluster_that_is_asked_alone(self, redis):
        with redis_cluster() as (url, _):
            wanted = [
                await set_to(url.replace("?cluster=true", database)) for database in ("", "/1")
            ]

        assert wanted == [["GATEWAY_STORE_URL=…?cluster=true"]] * 2

    async def test_one_server_that_is_asked_as_a_cluster(self, redis):
        port = free_port()
        with redis_server("--port", str(port)):
            wanted = await set_to(f"redis://127.0.0.1:{port}?cluster=true")

        assert wanted == ["GATEWAY_STORE_URL=the same without cluster=true"]


class TestCommand:
    def test_tells_the_store_beside_the_upstream(self, redis):
        ended = run(
            "doctor",
            GATEWAY_UPSTREAM_URL="http://127.0.0.1:9",
            GATEWAY_STORE_URL=f"unix://:hush@{redis.path}",
            GATEWAY_STORE_KEY=KEY,
            GITLAB_TOKEN="",
        )

        assert ended.returncode == 1
        assert re.search(r"(?m)^fault    store        .*\(PASSWORD_REFUSED\)$", ended.stdout)
        assert "hush" not in ended.stdout + ended.stderr
        assert ended.stderr == ""

    def test_a_store_without_a_key_is_a_mistake(self):
        ended = run(
            "doctor",
            GATEWAY_UPSTREAM_URL="http://127.0.0.1:9",
            GATEWAY_STORE_URL="redis://127.0.0.1:9",
        )

        assert ended.returncode == 2
        assert "GATEWAY_STORE_KEY" in ended.stderr

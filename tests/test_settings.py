"""Settings: where values come from, what is refused, and the page made from them."""

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
import trustme

from gateway.settings import Settings, SettingsError, choices_of, flag_of, variable_of
from gateway.settings.page import describe_settings
from gateway.upstream.wires import WIRES

PATH_IN_ORIGIN = (
    "GATEWAY_CORS_ORIGINS='https://a.example/path' is no origin as browsers send it;"
    " write https://a.example"
)
ALL_OF_IPV4 = "0.0.0.0"
PAGE = Path(__file__).parents[1] / "docs" / "settings.md"


def test_defaults_serve_the_demo():
    settings = Settings.read({})

    assert settings.upstream_url is None
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings == Settings()


def test_flags_win_over_the_environment():
    environment = {"GATEWAY_PORT": "9000", "GATEWAY_HOST": "10.0.0.1"}

    settings = Settings.read(environment, {"port": "9001"})

    assert (settings.host, settings.port) == ("10.0.0.1", 9001)


def test_texts_become_the_types_of_their_settings():
    settings = Settings.read(
        {
            "GATEWAY_CONNECT_TIMEOUT_S": "2.5",
            "GATEWAY_INTROSPECTION": "off",
            "GATEWAY_EXPLORER": "1",
            "GATEWAY_CORS_ORIGINS": "https://a.example, https://b.example:8443",
            "GATEWAY_LOG_LEVEL": "warning",
            "GATEWAY_MAX_BATCH": "",
        }
    )

    assert settings.connect_timeout_s == 2.5
    assert settings.introspection is False
    assert settings.explorer is True
    assert settings.cors_origins == ("https://a.example", "https://b.example:8443")
    assert settings.log_level == "warning"
    assert settings.max_batch == 0


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://gitlab.example.com", "https://gitlab.example.com"),
        ("https://gitlab.example.com/", "https://gitlab.example.com"),
        ("https://gitlab.example.com/api/v4", "https://gitlab.example.com"),
        ("http://[::1]:3000/git/lab/api/v4/", "http://[::1]:3000/git/lab"),
    ],
)
def test_an_upstream_is_named_by_its_root_or_its_api(given, kept):
    assert kept == Settings.read({"GATEWAY_UPSTREAM_URL": given}).upstream_url


def test_all_mistakes_are_told_at_once():
    environment = {
        "GATEWAY_PORT": "65536",
        "GATEWAY_MAX_CALLS": "many",
        "GATEWAY_LOG_LEVEL": "loud",
        "GATEWAY_EXPLORER": "perhaps",
        "GATEWAY_REQUEST_TIMEOUT_S": "nan",
        "GATEWAY_CORS_ORIGINS": "https://a.example/path",
        "GATEWAY_UPSTREAM_ULR": "https://gitlab.example.com",
        "OTHER_PORT": "no concern of ours",
    }

    with pytest.raises(SettingsError) as refused:
        Settings.read(environment, {"wire": "curl"})

    assert refused.value.mistakes == [
        "GATEWAY_UPSTREAM_ULR is no setting; did you mean GATEWAY_UPSTREAM_URL?",
        "--wire='curl' is none of http1, httpx",
        "GATEWAY_REQUEST_TIMEOUT_S='nan' must be more than 0",
        "GATEWAY_MAX_CALLS='many' is no whole number",
        "GATEWAY_PORT='65536' is no port (0 to 65535)",
        "GATEWAY_EXPLORER='perhaps' is neither true nor false",
        PATH_IN_ORIGIN,
        "GATEWAY_LOG_LEVEL='loud' is none of debug, info, warning, error",
    ]


@pytest.mark.parametrize(
    "url", ["gitlab.example.com", "ftp://a", "https://", "https://a/?x=1", "https://a:b"]
)
def test_an_upstream_that_cannot_be_asked_is_refused(url):
    with pytest.raises(SettingsError, match="GATEWAY_UPSTREAM_URL"):
        Settings.read({"GATEWAY_UPSTREAM_URL": url})


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://ci.example.com",
        "http://localhost:3000",
        "http://127.0.0.1:5173",
        "http://[::1]:3000",
        "https://xn--mnchen-3ya.example",
        "http://ci.example.com:443",
        "http://my_host",
        "chrome-extension://abcdefghijklmnop",
        "capacitor://localhost",
    ],
)
def test_an_origin_as_browsers_send_it_is_taken(origin):
    assert Settings.read({"GATEWAY_CORS_ORIGINS": origin}).cors_origins == (origin,)


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        ("https://ci.example.com/", "write https://ci.example.com"),
        ("https://ci.example.com/app?x#y", "write https://ci.example.com"),
        ("https://CI.example.com", "write https://ci.example.com"),
        ("HTTPS://ci.example.com", "write https://ci.example.com"),
        ("https://ci.example.com:443", "write https://ci.example.com"),
        ("http://ci.example.com:80", "write http://ci.example.com"),
        ("http://ci.example.com:08080", "write http://ci.example.com:8080"),
        ("http://ci.example.com:", "write http://ci.example.com"),
        ("https://m\u00fcnchen.example", "write https://xn--mnchen-3ya.example"),
        ("http://[0:0::1]:3000", "write http://[::1]:3000"),
        ("'https://ci.example.com'", "write https://ci.example.com"),
        ("ci.example.com", "has no scheme; write https://ci.example.com"),
        ("localhost:3000", "has no scheme"),
        ("//ci.example.com", "has no scheme; write https://ci.example.com"),
        ("*.example.com", "is a pattern; name each origin"),
        ("https://*.example.com", "is a pattern; name each origin"),
        ("https://ci.example.com:*", "is a pattern; name each origin"),
        ("https://a.example https://b.example", "separate several by commas"),
        ("https://a.example;https://b.example", "separate several by commas"),
        ("null", "many unrelated pages send"),
        ("file://", "its scheme must be http or https"),
        ("ws://ci.example.com", "its scheme must be http or https"),
        ("https://", "is no origin"),
        ("https://ci.example.com:99999", "is no origin"),
        ("https://ci_?.example", "is no origin"),
        ("https://300.1.1.1", "is no origin"),
        ("https://user:secret@ci.example.com", "holds a credential"),
    ],
)
def test_an_origin_that_can_never_match_is_refused_with_what_to_write(origin, told):
    with pytest.raises(SettingsError) as refused:
        Settings.read({"GATEWAY_CORS_ORIGINS": f"https://fine.example,{origin}"})

    [mistake] = refused.value.mistakes
    assert told in mistake
    assert "secret" not in mistake


@pytest.mark.parametrize(
    ("given", "kept"),
    [("/jobs", "/jobs"), ("jobs/", "/jobs"), ("/ci/jobs/", "/ci/jobs"), ("/", "")],
)
def test_a_path_prefix_is_kept_without_its_closing_slash(given, kept):
    assert Settings.read({"GATEWAY_PATH_PREFIX": given}).path_prefix == kept


@pytest.mark.parametrize(
    "given", ["/a/../b", "//evil.example/x y", "/jobs?x", "/a//b", "http://a/b"]
)
def test_what_is_no_path_is_no_prefix(given):
    with pytest.raises(SettingsError, match="is no path such as /jobs"):
        Settings.read({"GATEWAY_PATH_PREFIX": given})


class TestTheSandbox:
    @pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8", "[::1]"])
    def test_runs_on_loopback_with_nothing_set(self, host):
        Settings.read({"GATEWAY_HOST": host}).check_upstream()

    @pytest.mark.parametrize(
        "host", [ALL_OF_IPV4, "::", "10.0.0.1", "gateway.example", "::ffff:8.8.8.8"]
    )
    def test_runs_beyond_it_only_if_it_is_asked_for(self, host):
        with pytest.raises(SettingsError, match="or GATEWAY_SANDBOX=true") as refused:
            Settings.read({"GATEWAY_HOST": host}).check_upstream()

        assert "GATEWAY_UPSTREAM_URL is missing" in str(refused.value)
        Settings.read({"GATEWAY_HOST": host, "GATEWAY_SANDBOX": "true"}).check_upstream()
        Settings.read({"GATEWAY_HOST": host, "GATEWAY_UPSTREAM_URL": "https://a"}).check_upstream()

    def test_contradicts_an_upstream(self):
        with pytest.raises(SettingsError, match="contradicts GATEWAY_UPSTREAM_URL"):
            Settings.read({"GATEWAY_SANDBOX": "true", "GATEWAY_UPSTREAM_URL": "https://a"})

    def test_can_be_ruled_out(self):
        with pytest.raises(SettingsError, match="GATEWAY_UPSTREAM_URL is missing"):
            Settings.read({"GATEWAY_SANDBOX": "false"}).check_upstream()

    @pytest.mark.parametrize("empty", ["", "  ", "\t\n"])
    @pytest.mark.parametrize("sandbox", [{}, {"GATEWAY_SANDBOX": "true"}])
    def test_is_not_what_an_empty_variable_for_the_upstream_means(self, empty, sandbox):
        with pytest.raises(SettingsError, match="GATEWAY_UPSTREAM_URL is empty: give the address"):
            Settings.read({"GATEWAY_UPSTREAM_URL": empty, **sandbox})
        with pytest.raises(SettingsError, match="--upstream-url is empty"):
            Settings.read({}, {"upstream_url": empty})


@pytest.mark.parametrize("empty", ["", "  "])
def test_any_other_empty_variable_counts_as_not_set(empty):
    others = {variable_of(knob.name): empty for knob in fields(Settings)}
    del others["GATEWAY_UPSTREAM_URL"], others["GATEWAY_WEBHOOK_SECRET"]

    assert Settings.read(others) == Settings()


class TestTheSecretOfWebhooks:
    @pytest.mark.parametrize("empty", ["", "  "])
    def test_is_missed_where_it_is_empty(self, empty):
        with pytest.raises(SettingsError, match="GATEWAY_WEBHOOK_SECRET is empty: give the secret"):
            Settings.read({"GATEWAY_WEBHOOK_SECRET": empty})
        with pytest.raises(SettingsError, match="--webhook-secret is empty"):
            Settings.read({}, {"webhook_secret": empty})
        with pytest.raises(SettingsError, match="webhook_secret is empty"):
            Settings(webhook_secret="")

    @pytest.mark.parametrize("key", ["", "====", "no-base64!", "YWJ"])
    def test_is_refused_where_nothing_could_be_signed_with_it(self, key):
        with pytest.raises(SettingsError) as refused:
            Settings.read({"GATEWAY_WEBHOOK_SECRET": f"whsec_{key}"})

        told = "GATEWAY_WEBHOOK_SECRET=… is no signing token: after whsec_ stands a key in base64"
        assert refused.value.mistakes == [told]

    @pytest.mark.parametrize("secret", ["a token", "whsec_dHdlbnR5LWZvdXI="])
    def test_is_kept_and_printed_nowhere(self, secret):
        settings = Settings.read({"GATEWAY_WEBHOOK_SECRET": secret})

        assert settings.webhook_secret == secret
        assert secret not in repr(settings)


def test_an_empty_address_to_listen_on_is_not_all_addresses():
    with pytest.raises(SettingsError, match="is no address to listen on"):
        Settings.read({}, {"host": " "})


def test_a_credential_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(SettingsError) as refused:
        Settings.read({"GATEWAY_UPSTREAM_URL": "https://oauth2:glpat-secret@gitlab.example.com"})

    assert "credentials come from callers only" in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "proxy",
    [
        "http://us:pa/secret@proxy:1",
        "http://us:pa#secret@proxy:1",
        "http://us:secret@proxy:99999",
        "http://us:secret@proxy:3128/path",
        "socks5://us:secret@proxy:1080",
        "us:secret@proxy:3128",
    ],
)
def test_a_proxy_that_cannot_be_asked_is_refused_without_its_password(proxy):
    with pytest.raises(SettingsError, match="GATEWAY_UPSTREAM_PROXY=…") as refused:
        Settings.read({"GATEWAY_UPSTREAM_PROXY": proxy})

    assert "secret" not in str(refused.value)


def test_a_proxy_may_have_a_password_which_is_printed_nowhere():
    proxy = "http://us%40er:s%3Acret@proxy.example:3128"

    settings = Settings.read({"GATEWAY_UPSTREAM_PROXY": proxy})

    assert settings.upstream_proxy == proxy
    assert "cret" not in repr(settings)


def test_a_host_name_that_cannot_be_one_is_refused():
    with pytest.raises(SettingsError, match="host name"):
        Settings.read({"GATEWAY_UPSTREAM_URL": "https://gitlab..example.com"})


def test_a_file_of_authorities_is_looked_into_at_start(tmp_path):
    junk, empty, good = (tmp_path / name for name in ("junk", "empty", "good"))
    junk.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    empty.touch()
    trustme.CA().cert_pem.write_to_path(str(good))

    def mistakes(path: Path) -> str:
        with pytest.raises(SettingsError) as refused:
            Settings.read({"GATEWAY_UPSTREAM_CA_FILE": str(path), "GATEWAY_PORT": "x"})
        assert len(refused.value.mistakes) == 2
        return refused.value.mistakes[0]

    assert mistakes(tmp_path / "none").endswith("cannot be read: No such file or directory")
    assert mistakes(tmp_path).endswith("cannot be read: Is a directory")
    assert "holds no certificates, or broken ones" in mistakes(junk)
    assert "holds no certificates" in mistakes(empty)
    assert Settings(upstream_ca_file=str(good)).upstream_ca_file == str(good)


def test_values_given_in_code_are_checked_the_same_way():
    with pytest.raises(SettingsError, match=r"max_calls must be at least 1\nport is no port"):
        Settings(port=-1, max_calls=0)


def test_settings_do_not_change():
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]  # they are frozen


def test_every_setting_is_a_variable_and_a_flag_with_a_sentence():
    page = describe_settings()

    for setting in fields(Settings):
        assert f"`{variable_of(setting.name)}`" in page
        assert f"`{flag_of(setting.name)}`" in page
        assert setting.metadata["sentence"].endswith(".")


def test_each_default_on_the_page_can_be_set_as_it_stands_there():
    row = re.compile(r"^\| `(GATEWAY_\w+)`.*? \| `(.+?)`(?: \((.+?)\))? \|", re.MULTILINE)
    rows = row.findall(PAGE.read_text(encoding="utf-8"))
    units = {name: readable for name, _, readable in rows}

    assert Settings.read({name: value for name, value, _ in rows}) == Settings()
    assert len(rows) > 40
    assert units["GATEWAY_MAX_ANSWER_BYTES"] == "16 MB"
    assert units["GATEWAY_WATCH_INTERVAL_S"] == "2 s"


def test_the_page_in_docs_is_the_one_made_from_the_code():
    assert describe_settings() == PAGE.read_text(encoding="utf-8")


def test_the_wires_to_choose_from_are_those_there_are():
    assert choices_of("wire") == list(WIRES)


def test_all_origins_that_can_never_match_are_told():
    with pytest.raises(SettingsError) as caught:
        Settings.read(
            {"GATEWAY_CORS_ORIGINS": "https://a.example/,https://ok.example,b.example,u:p@c"}
        )

    [mistake] = caught.value.mistakes
    assert "'https://a.example/'" in mistake
    assert "'b.example' has no scheme" in mistake
    assert "ok.example' " not in mistake.partition(" holds ")[2]
    assert "u:p" not in mistake


class TestTheStore:
    KEY = "0123456789abcdef0123456789abcdef"

    @pytest.mark.parametrize(
        "url",
        [
            "redis://:hush@store.test:6379/0",
            "rediss://store.test?cluster=true",
            "unix:///run/redis.sock?db=1",
        ],
    )
    def test_is_told_by_its_address_and_a_key_which_are_printed_nowhere(self, url):
        settings = Settings.read({"GATEWAY_STORE_URL": url, "GATEWAY_STORE_KEY": self.KEY})

        assert (settings.store_url, settings.store_key) == (url, self.KEY)
        assert "hush" not in repr(settings)
        assert self.KEY not in repr(settings)

    @pytest.mark.parametrize(
        ("url", "why"),
        [
            ("http://hush@store.test", "is no address of a store"),
            ("store.test:6379", "is no address of a store"),
            ("redis://", "names no host"),
            ("unix://", "names no host, or no socket"),
            ("redis://store.test:hush", "has a port that is none"),
        ],
    )
    def test_is_at_no_such_address(self, url, why):
        with pytest.raises(SettingsError, match=f"GATEWAY_STORE_URL=… {why}") as refused:
            Settings.read({"GATEWAY_STORE_URL": url, "GATEWAY_STORE_KEY": self.KEY})

        assert "hush" not in str(refused.value)

    def test_without_a_key_is_a_mistake(self):
        with pytest.raises(SettingsError, match="GATEWAY_STORE_URL needs GATEWAY_STORE_KEY"):
            Settings.read({"GATEWAY_STORE_URL": "redis://store.test"})

    def test_with_a_short_key_is_a_mistake_that_shows_nothing_of_it(self):
        environment = {"GATEWAY_STORE_URL": "redis://s", "GATEWAY_STORE_KEY": self.KEY[:31]}

        with pytest.raises(SettingsError, match="is shorter than 32 characters") as refused:
            Settings.read(environment)

        assert self.KEY[:31] not in str(refused.value)


class TestSecretsInFiles:
    @pytest.mark.parametrize(
        ("name", "secret"),
        [
            ("store_key", TestTheStore.KEY),
            ("upstream_proxy", "http://user:hush@proxy.test:3128"),
            ("webhook_secret", "a token"),
        ],
    )
    def test_are_read_without_the_blank_around(self, tmp_path, name, secret):
        file = tmp_path / "secret"
        file.write_text(f" {secret}\n")

        settings = Settings.read({f"{variable_of(name)}_FILE": str(file)})

        assert getattr(settings, name) == secret

    def test_every_secret_may_stand_in_one_and_nothing_else(self, tmp_path):
        file = tmp_path / "port"
        file.write_text("9000")

        with pytest.raises(SettingsError, match="GATEWAY_PORT_FILE is no setting"):
            Settings.read({"GATEWAY_PORT_FILE": str(file)})

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (None, "No such file"),
            (b" \n", "it is empty"),
            (b"\xff\xfe", "it is no text"),
            (b"x" * 70_000, "it holds more than 65536 bytes"),
        ],
    )
    def test_that_cannot_be_read_are_mistakes(self, tmp_path, content, why):
        file = tmp_path / "secret"
        if content is not None:
            file.write_bytes(content)

        with pytest.raises(SettingsError, match=f"GATEWAY_STORE_KEY_FILE=.* {why}"):
            Settings.read({"GATEWAY_STORE_KEY_FILE": str(file)})

    def test_that_are_wrong_are_not_shown(self, tmp_path):
        file = tmp_path / "secret"
        file.write_text("too short")

        with pytest.raises(SettingsError, match="GATEWAY_STORE_KEY=… is shorter") as refused:
            Settings.read({"GATEWAY_STORE_KEY_FILE": str(file)})

        assert "too short" not in str(refused.value)

    def test_beside_the_variable_itself_are_a_mistake(self, tmp_path):
        both = {"GATEWAY_WEBHOOK_SECRET": "a", "GATEWAY_WEBHOOK_SECRET_FILE": str(tmp_path)}

        with pytest.raises(SettingsError, match="are both set"):
            Settings.read(both)

    def test_a_flag_wins_over_them(self, tmp_path):
        file = tmp_path / "secret"
        file.write_text("of the file")

        settings = Settings.read(
            {"GATEWAY_WEBHOOK_SECRET_FILE": str(file)}, {"webhook_secret": "of the flag"}
        )

        assert settings.webhook_secret == "of the flag"

    def test_a_blank_name_counts_as_not_set(self):
        assert Settings.read({"GATEWAY_STORE_KEY_FILE": " "}).store_key is None

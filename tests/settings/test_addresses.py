"""Settings that are addresses, origins and paths: which are taken, and what is told of others."""

from pathlib import Path

import pytest
import trustme

from gateway.settings import Settings, SettingsError


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

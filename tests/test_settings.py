"""Settings: where values come from, what is refused, and the page made from them."""

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
import trustme

from gateway.settings import Settings, SettingsError, choices_of, flag_of, variable_of
from gateway.settings_page import describe_settings
from gateway.upstream.wires import WIRES

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
        "GATEWAY_CORS_ORIGINS='https://a.example/path' is no origin (scheme, host and port only)",
        "GATEWAY_LOG_LEVEL='loud' is none of debug, info, warning, error",
    ]


@pytest.mark.parametrize(
    "url", ["gitlab.example.com", "ftp://a", "https://", "https://a/?x=1", "https://a:b"]
)
def test_an_upstream_that_cannot_be_asked_is_refused(url):
    with pytest.raises(SettingsError, match="GATEWAY_UPSTREAM_URL"):
        Settings.read({"GATEWAY_UPSTREAM_URL": url})


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
        Settings().port = 1  # type: ignore[misc]


def test_every_setting_is_a_variable_and_a_flag_with_a_sentence():
    page = describe_settings()

    for setting in fields(Settings):
        assert f"`{variable_of(setting.name)}`" in page
        assert f"`{flag_of(setting.name)}`" in page
        assert setting.metadata["sentence"].endswith(".")


def test_the_page_in_docs_is_the_one_made_from_the_code():
    assert describe_settings() == PAGE.read_text(encoding="utf-8")


def test_the_wires_to_choose_from_are_those_there_are():
    assert choices_of("wire") == list(WIRES)

"""Settings: where values come from, what is told of wrong ones, and the page made from them."""

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from gateway.settings import Settings, SettingsError, choices_of, flag_of, variable_of
from gateway.settings.page import describe_settings
from gateway.upstream.wires import WIRES

PATH_IN_ORIGIN = (
    "GATEWAY_CORS_ORIGINS='https://a.example/path' is no origin as browsers send it;"
    " write https://a.example"
)
ALL_OF_IPV4 = "0.0.0.0"
PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


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

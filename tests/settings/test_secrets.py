"""Settings that are secret: the webhooks', the store's, and those that stand in files."""

import pytest

from gateway.settings import Settings, SettingsError, variable_of


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
            ("redis://store.test/hush", "has more behind its host than the number of a database"),
            # As passwords are that nobody encoded.
            ("redis://:p@ss/hush@store.test:6379/0", "has more behind its host .* as %2F"),
            ("redis://:p@ss#hush@store.test:6379/0", "has more behind its host .* as %2F"),
            ("redis://:hush?hush@store.test:6379/0", "has a port that is none .* as %2F"),
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

"""The files of deploy/: that the programs they are for can read them, and that they agree with what
the gateway is.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
from dataclasses import fields
from pathlib import Path

import httpx
import pytest
import trustme
import yaml

from gateway.settings import Settings, variable_of
from tests.harness.command import STARTED_S, running

DEPLOY = Path(__file__).parents[2] / "deploy"
VARIABLES = {variable_of(knob.name) for knob in fields(Settings)}
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def program(name: str) -> str:
    found = shutil.which(name, path=PATH)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def manifests() -> dict[str, dict]:
    text = (DEPLOY / "kubernetes" / "jobs-gateway.yaml").read_text(encoding="utf-8")
    return {one["kind"]: one for one in yaml.safe_load_all(text)}


def compose() -> dict:
    return yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text(encoding="utf-8"))


class TestSystemd:
    def test_the_unit_is_one(self, tmp_path):
        analyze = program("systemd-analyze")
        unit = (DEPLOY / "systemd" / "jobs-gateway.service").read_text(encoding="utf-8")
        # It looks for the command, which is not installed there here.
        path = tmp_path / "jobs-gateway.service"
        path.write_text(unit.replace("/opt/jobs-gateway/bin/jobs-gateway", "/bin/true"))

        checked = run(analyze, "verify", "--man=no", str(path))

        assert checked.returncode == 0, checked.stderr
        assert [line for line in checked.stderr.splitlines() if path.name in line] == []

    def test_it_is_little_exposed(self, tmp_path):
        analyze = program("systemd-analyze")
        path = DEPLOY / "systemd" / "jobs-gateway.service"

        checked = run(
            analyze, "security", "--offline=true", "--threshold=20", "--no-pager", str(path)
        )

        assert checked.returncode == 0, checked.stdout[-500:] + checked.stderr

    def test_its_settings_are_settings(self):
        lines = (DEPLOY / "systemd" / "jobs-gateway.env").read_text().splitlines()
        given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

        assert Settings.read(given).workers == 2


class TestKubernetes:
    @pytest.mark.parametrize("kind", sorted(manifests()))
    def test_each_keeps_its_schema(self, kind):
        schemas = pytest.importorskip("kubernetes_validate")

        schemas.validate(manifests()[kind], "1.31", strict=True)

    def test_names_settings_only(self):
        data = manifests()["ConfigMap"]["data"]

        assert set(data) <= VARIABLES
        Settings.read(data)

    def test_probes_give_the_upstream_its_time_and_liveness_asks_no_upstream(self):
        [container] = manifests()["Deployment"]["spec"]["template"]["spec"]["containers"]

        assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
        assert container["startupProbe"]["httpGet"]["path"] == "/health/live"
        assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
        assert container["readinessProbe"]["timeoutSeconds"] > 3

    def test_there_is_time_to_end(self):
        pod = manifests()["Deployment"]["spec"]["template"]["spec"]
        settings = _settings()
        [container] = pod["containers"]
        probe = container["readinessProbe"]
        noticed_s = probe["periodSeconds"] * probe["failureThreshold"]

        assert settings.drain_s >= 2 * noticed_s
        least_s = settings.drain_s + settings.shutdown_timeout_s + 3
        assert pod["terminationGracePeriodSeconds"] > least_s

    def test_all_select_the_same_pods(self):
        found = manifests()
        labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]

        assert found["Service"]["spec"]["selector"] == labels
        for kind in ("Deployment", "PodDisruptionBudget"):
            assert found[kind]["spec"]["selector"]["matchLabels"] == labels
        assert found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels

    def test_replicas_make_up_what_the_upstream_is_to_hold(self):
        most = manifests()["HorizontalPodAutoscaler"]["spec"]["maxReplicas"]

        assert _settings().max_upstream_connections * most == 100

    def test_no_variables_are_made_for_services(self):
        assert manifests()["Deployment"]["spec"]["template"]["spec"]["enableServiceLinks"] is False


def _settings() -> Settings:
    return Settings.read(manifests()["ConfigMap"]["data"])


class TestCompose:
    def test_names_settings_only(self):
        assert set(compose()["services"]["gateway"]["environment"]) <= VARIABLES

    def test_what_it_builds_and_mounts_is_there(self):
        services = compose()["services"]
        folder = DEPLOY / "compose"

        assert (folder / services["gateway"]["build"] / "Dockerfile").is_file()
        for mounted in services["prometheus"]["volumes"]:
            assert (folder / mounted.split(":")[0]).parent.is_dir()

    def test_an_upstream_has_to_be_named(self):
        given = compose()["services"]["gateway"]["environment"]["GATEWAY_UPSTREAM_URL"]

        assert given.startswith("${GATEWAY_UPSTREAM_URL:?")


class TestProxies:
    @pytest.fixture
    def certificate(self, tmp_path):
        authority = trustme.CA()
        made = authority.issue_cert("jobs.example.com")
        made.private_key_and_cert_chain_pem.write_to_path(tmp_path / "pair.pem")
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        return tmp_path / "pair.pem"

    @staticmethod
    def nginx_conf(tmp_path, certificate, *, listen="443", to="127.0.0.1:8000"):
        text = (DEPLOY / "proxies" / "nginx.conf").read_text(encoding="utf-8")
        text = text.replace("/etc/ssl/certs/jobs.example.com.pem", str(certificate))
        text = text.replace("/etc/ssl/private/jobs.example.com.key", str(certificate))
        text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{listen} ssl")
        text = text.replace("server 127.0.0.1:8000", f"server {to}")
        places = "".join(
            f"{kind}_temp_path {tmp_path}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        whole = tmp_path / "nginx.conf"
        whole.write_text(
            f"pid {tmp_path}/pid; error_log stderr; daemon off; user root;\n"
            f"events {{}}\nhttp {{\naccess_log off;\n{places}{text}}}\n"
        )
        return whole

    def test_nginx_takes_its_snippet(self, tmp_path, certificate):
        nginx = program("nginx")

        checked = run(nginx, "-t", "-c", str(self.nginx_conf(tmp_path, certificate)))

        assert checked.returncode == 0, checked.stderr
        assert "[warn]" not in checked.stderr

    def test_traefik_is_led_to_what_is_there(self):
        text = (DEPLOY / "proxies" / "traefik.yaml").read_text(encoding="utf-8")
        http = yaml.safe_load(text)["http"]
        service = http["services"][http["routers"]["jobs-gateway"]["service"]]["loadBalancer"]

        assert service["healthCheck"]["path"] == "/health/ready"
        assert service["serversTransport"] in http["serversTransports"]


class TestBehindNginx:
    """The snippet in use: what must get through does."""

    @pytest.fixture
    def served(self, tmp_path):
        nginx = program("nginx")
        authority = trustme.CA()
        made = authority.issue_cert("127.0.0.1", "jobs.example.com")
        pair = tmp_path / "pair.pem"
        made.private_key_and_cert_chain_pem.write_to_path(pair)
        port = _free_port()
        with running("serve", "--port", "0") as gateway:
            to = gateway.said("GraphQL").split("/")[2]
            conf = TestProxies.nginx_conf(tmp_path, pair, listen=str(port), to=to)
            proxy = subprocess.Popen([nginx, "-c", str(conf)], stderr=subprocess.PIPE)
            try:
                context = ssl.create_default_context()
                authority.configure_trust(context)
                yield f"https://127.0.0.1:{port}", context, gateway
            finally:
                proxy.terminate()
                proxy.communicate(timeout=30)

    def test_events_come_one_by_one_and_metrics_do_not(self, served):
        url, context, gateway = served
        headers = {"private-token": gateway.said("developer"), "accept": "text/event-stream"}
        watch = 'subscription { pipelineUpdated(pipeline: {path: {project: "1", pipeline: 6}}) {'
        query = {"query": watch + " __typename } }"}
        with httpx.Client(verify=context, headers=headers, timeout=60) as client:
            _until_connected(client, url)
            with client.stream("POST", f"{url}/graphql", json=query) as stream:
                lines = stream.iter_lines()
                first = next(line for line in lines if line.startswith("data: {"))
            metrics = client.get(f"{url}/metrics").status_code
            too_large = client.post(f"{url}/graphql", json={"query": "#" * 1_050_000})

        assert '"pipelineUpdated"' in first
        assert metrics == 403
        assert too_large.status_code == 413
        assert "GATEWAY_MAX_BODY_BYTES" in too_large.text or "1000000" in too_large.text


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def _until_connected(client: httpx.Client, url: str) -> None:
    end = time.monotonic() + STARTED_S
    while True:
        try:
            client.get(f"{url}/health/live")
        except httpx.ConnectError:
            assert time.monotonic() < end
            time.sleep(0.1)
        else:
            return

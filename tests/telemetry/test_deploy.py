"""The dashboard, the alerts and the page about them name only what there is, and all of it."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
import yaml

from gateway.hooks import Outcome
from gateway.settings import Settings
from gateway.telemetry.catalogue import METRICS
from gateway.upstream.routes import ROUTES

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "deploy/grafana/jobs-gateway.json").read_text())
RULES = yaml.safe_load((ROOT / "deploy/prometheus/jobs-gateway.rules.yml").read_text())
SCRAPES = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
PAGE = (ROOT / "docs/operations.md").read_text()

# As prometheus-client's own collector tells a process.
OF_PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes"}
WORDS = {"instance", "job", "le"}


def rules():
    return [rule for group in RULES["groups"] for rule in group["rules"]]


def queries():
    """All of PromQL, by where it stands."""
    found = {rule["alert"]: rule["expr"] for rule in rules()}
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    return found


def samples():
    """The names of samples, and the labels of each."""
    found = {}
    for metric in METRICS.values():
        if metric.kind == "histogram":
            found |= {f"{metric.name}_{end}": set(metric.labels) for end in ("count", "sum")}
            found[f"{metric.name}_bucket"] = {*metric.labels, "le"}
        else:
            found[metric.name] = set(metric.labels)
    return found | {name: set() for name in OF_PROCESS}


@pytest.mark.parametrize("place", queries())
def test_a_query_names_only_samples_that_exist_and_their_labels(place):
    query, known = queries()[place], samples()

    named = set(re.findall(r"\b(?:gateway|process)_\w+", query))
    labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=(?!=))\s*\"", query))
    for listed in re.findall(r"\b(?:by|on|without)\s*\(([^)]*)\)", query):
        labels |= {label.strip() for label in listed.split(",")}

    assert named <= known.keys()
    assert named or query.startswith("up{")
    assert labels <= WORDS.union(*(known[name] for name in named))


def test_a_query_of_what_does_not_exist_would_be_found():
    known = samples()

    assert "gateway_operations" not in known
    assert "gateway_operation_duration_seconds" not in known
    assert "outcome" not in known["gateway_operation_duration_seconds_bucket"]


@pytest.mark.parametrize("place", queries())
def test_the_outcomes_that_a_query_names_are_told(place):
    operations = re.findall(r'gateway_operations_total\{outcome="(\w+)"', queries()[place])
    origins = re.findall(r'origin=~"([^"]+)"', queries()[place])

    assert set(operations) <= set(get_args(Outcome))
    assert {word for text in origins for word in text.split("|")} <= {
        "made",
        "retried",
        "shared",
        "kept",
    }


def test_each_metric_is_on_the_dashboard():
    shown = " ".join(target for place, target in queries().items() if place not in alerts())

    assert [name for name in METRICS if not re.search(rf"\b{name}(_bucket|_count)?\b", shown)] == []


def alerts():
    return {rule["alert"] for rule in rules()}


def test_panels_are_told_apart_and_have_their_place():
    panels = DASHBOARD["panels"]
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}

    assert len({panel["id"] for panel in panels}) == len(places) == len(panels)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def test_each_alert_is_explained_and_no_other():
    explained = re.findall(r"^\| `(Gateway\w+)` \|", PAGE, re.MULTILINE)

    assert explained == [rule["alert"] for rule in rules()]
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"]["summary"]


def test_the_page_tells_each_metric_with_its_labels():
    rows = re.findall(r"^\| `(gateway_\w+)` \| ([^|]*) \| ([^|]*) \|$", PAGE, re.MULTILINE)

    assert rows == [
        (metric.name, ", ".join(f"`{label}`" for label in metric.labels), metric.help)
        for metric in METRICS.values()
    ]


def test_scrapes_ask_the_path_that_is_served_under_the_name_that_alerts_take():
    [scrape] = SCRAPES["scrape_configs"]

    assert scrape["metrics_path"] == "/metrics"
    assert scrape["job_name"] == "jobs-gateway"
    assert f'job="{scrape["job_name"]}"' in " ".join(queries().values())
    assert SCRAPES["rule_files"] == ["jobs-gateway.rules.yml"]


def test_names_follow_the_conventions_of_prometheus():
    for metric in METRICS.values():
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        if metric.kind == "histogram":
            assert metric.name.endswith("_seconds")
        assert metric.help.endswith(".") or metric.name == "gateway_info"


def test_limits_are_told_by_names_of_settings():
    sources = "".join(path.read_text() for path in (ROOT / "gateway").rglob("*.py"))
    limits = {name.lower() for name in re.findall(r"\(GATEWAY_(MAX_[A-Z_]+)\)", sources)}

    assert len(limits) > 8
    assert limits <= {knob.name for knob in fields(Settings)}


def test_routes_are_few():
    assert len({route.name for route in ROUTES}) < 40

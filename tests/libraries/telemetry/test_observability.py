"""Alerts and dashboard of deploy/observability, against the metrics of a running stack."""

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from websockets.sync.client import connect

from server.libraries.common.paths import ROOT
from tests.libraries.telemetry.conftest import WEB_KEY, ObservedStack
from tests.libraries.telemetry.expressions import ADDED_LABELS, BUILT_IN, selectors
from tests.libraries.telemetry.scrape import Scrape
from tests.programs.gateway.processes import eventually
from tests.support.tools import require

pytestmark = pytest.mark.extended

FOLDER = ROOT / "deploy" / "observability"
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
TESTS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]
CONFIG: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
CHARTS = [panel for panel in PANELS if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in CHARTS for target in panel["targets"]]


@pytest.fixture(scope="session")
def everything(observed: ObservedStack) -> Scrape:
    """Scrape a stack in which every kind of metric has a sample."""
    url = f"ws://{observed.stack.address}/ai-chat?access_token=Web%20{WEB_KEY}"
    with connect(url):
        pass
    with httpx2.Client(base_url=observed.stack.url, verify=False) as client:
        assert client.get("/user/nobody").status_code == 404
    ended = "gymlocker_web_connections_ended_total"
    eventually(lambda: ended in observed.scrape().names, "a connection has ended")
    return observed.scrape()


def missing(scrape: Scrape, expression: str) -> list[str]:
    """Return the metrics and labels of an expression that do not exist."""
    found = []
    for name, labels in selectors(expression):
        if name == BUILT_IN:
            continue
        if name not in scrape.names:
            found.append(name)
        unknown = labels - scrape.labels(name) - ADDED_LABELS
        found += [f"{name}{{{label}}}" for label in sorted(unknown)]
    return found


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_alert_reads_existing_metrics(everything: Scrape, alert: dict[str, Any]) -> None:
    assert selectors(alert["expr"])
    assert missing(everything, alert["expr"]) == []


@pytest.mark.parametrize("panel", CHARTS, ids=lambda panel: panel["title"])
def test_chart_reads_existing_metrics(everything: Scrape, panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert selectors(target["expr"])
        assert missing(everything, target["expr"]) == []


def test_detects_misspelled_metrics_and_labels(everything: Scrape) -> None:
    assert missing(everything, "sum by (method) (rate(gymlocker_cals_total[5m])) > 0.5") == [
        "gymlocker_cals_total"
    ]
    expression = 'up == 0 and on (job) gymlocker_calls_total{metod=~"a{1}", job="b"} offset 5m'
    assert missing(everything, expression) == ["gymlocker_calls_total{metod}"]


def test_dashboard_shows_every_metric(
    everything: Scrape,
) -> None:
    ours = {name for name in everything.names if name.startswith("gymlocker_")}
    of_histograms = {name for name in ours if name.endswith(("_sum", "_count", "_created"))}
    read = {name for query in QUERIES for name, _ in selectors(query)}
    assert ours - of_histograms - read == {"gymlocker_build_info"}


@pytest.mark.parametrize(
    "command",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "--lint-fatal", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_accepts_the_files(command: tuple[str, ...]) -> None:
    require("promtool")
    run = subprocess.run(["promtool", *command], cwd=FOLDER, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_promtool_accepts_every_query(tmp_path: Path) -> None:
    require("promtool")
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(QUERIES)
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    run = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{len(QUERIES)} rules found" in run.stdout


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_alert_has_an_action_and_tests(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("page", "ticket")
    assert alert["annotations"].keys() == {"summary", "action"}
    cases = [
        bool(case["exp_alerts"])
        for test in TESTS
        for case in test["alert_rule_test"]
        if case["alertname"] == alert["alert"]
    ]
    assert set(cases) == {True, False}


def test_targets_match_the_ports_of_up() -> None:
    targets = {
        config["job_name"]: config["static_configs"][0]["targets"]
        for config in CONFIG["scrape_configs"]
    }
    assert targets == {
        "gymlocker-envoy": ["127.0.0.1:9464"],
        "gymlocker-web": ["127.0.0.1:9465"],
        "gymlocker-worker": ["127.0.0.1:9466"],
    }


def test_dashboard_uses_the_selected_data_source() -> None:
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for panel in CHARTS:
        assert [panel["datasource"], *(target["datasource"] for target in panel["targets"])] == [
            chosen
        ] * (1 + len(panel["targets"]))


def test_panels_do_not_overlap() -> None:
    assert DASHBOARD["schemaVersion"] >= 39
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells

"""Prometheus finds every process, and each query of the dashboard names numbers that exist."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from tests.stack.stack import ROOT, Stack, eventually

DASHBOARD = ROOT / "deploy/grafana/dashboards/homin.json"
FUNCTIONS = frozenset({"sum", "by", "rate", "increase", "histogram_quantile"})


def targets() -> list[dict[str, Any]]:
    """The dashboard's queries, each with its source."""
    return [target for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel.get("targets", [])]


def metrics_of(query: str) -> set[str]:
    """The names of the metrics that a query asks for."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)", "", query)
    return set(re.findall(r"[a-z_]{2,}", bare)) - FUNCTIONS


async def test_the_profile_is_valid_and_shows_a_dashboard(stack: Stack) -> None:
    services = (await stack.config("--profile", "observability"))["services"]
    assert {"prometheus", "grafana"} <= set(services)
    assert not {"prometheus", "grafana"} & set((await stack.config())["services"])
    inside = [volume["target"] for volume in services["grafana"]["volumes"]]
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.rpartition("/")[0] in inside
    assert (DASHBOARD.parent / home.rpartition("/")[2]).is_file()
    # The dashboard asks the source that is provisioned, by its name.
    source = (ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text()
    assert {target["datasource"]["uid"] for target in targets()} == set(re.findall(r"uid: (\S+)", source))


async def test_prometheus_finds_every_process_and_knows_what_the_dashboard_asks_for(stack: Stack) -> None:
    wanted = {"gateway": 2, "router": 2, "files": 1, "accounts": 1, "broker": 1}
    await stack.compose("--profile", "observability", "up", "--detach", "--wait", "--no-recreate", "prometheus")
    async with stack.http(stack.prometheus) as http:

        async def all_up() -> bool:
            up = (await http.get("/api/v1/query", params={"query": "up == 1"})).json()["data"]["result"]
            return Counter(each["metric"]["service"] for each in up) == wanted

        await eventually(all_up, "all processes are found and answer")
        known = set((await http.get("/api/v1/label/__name__/values")).json()["data"])
        # A number with labels is announced before it has its first value.
        known |= set((await http.get("/api/v1/metadata")).json()["data"])
        asked = [target["expr"] for target in targets()]
        assert len(asked) >= 15
        for query in asked:
            names = metrics_of(query)
            assert names, query
            assert names <= known, f"{query}: nobody shows {names - known}"
            answer = await http.get("/api/v1/query", params={"query": query.replace("$__rate_interval", "1m")})
            assert answer.json()["status"] == "success", f"{query}: {answer.text}"
    await stack.compose("--profile", "observability", "rm", "--force", "--stop", "prometheus")

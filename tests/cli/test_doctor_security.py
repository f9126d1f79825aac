"""What `taskq doctor` says of ways in: known holes, connections in the clear, clusters that stop as one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from taskq_cli.doctor.findings import NOTE, PROBLEM
from taskq_cli.doctor.holes import holes_of
from taskq_cli.doctor.server_checks import server_findings
from taskq_cli.doctor.server_facts import ServerFacts
from tests.conftest import Taskq
from tests.groups import Cluster

LUA, REDIS_TLS, VALKEY_TLS = "CVE-2025-49844 and CVE-2025-46818", "CVE-2026-81934", "CVE-2026-56684"


@pytest.mark.parametrize(
    ("kind", "version", "tls", "found"),
    [
        ("redis", "7.2.10", False, {LUA: "7.2.11"}),
        ("redis", "7.2.11", False, {}),
        ("redis", "7.4.5", False, {LUA: "7.4.6"}),
        ("redis", "7.4.6", False, {}),
        ("redis", "8.0.3", False, {LUA: "8.0.4"}),
        ("redis", "8.2.1", False, {LUA: "8.2.2"}),
        ("redis", "8.2.2", False, {}),
        ("redis", "7.0.15", False, {LUA: "7.2.11"}),
        ("redis", "9.0.0", True, {}),
        ("redis", "8.2.2", True, {REDIS_TLS: "8.2.9"}),
        ("redis", "7.2.16", True, {}),
        ("redis", "8.10.1", True, {}),
        ("valkey", "7.2.10", False, {LUA: "7.2.11"}),
        ("valkey", "8.0.5", False, {LUA: "8.0.6"}),
        ("valkey", "8.1.3", False, {LUA: "8.1.4"}),
        ("valkey", "8.1.4", False, {}),
        ("valkey", "9.1.0", True, {VALKEY_TLS: "9.1.1"}),
        ("valkey", "9.1.0", False, {}),
        ("valkey", "9.0.5", True, {}),
        ("valkey", "8.1.8", True, {VALKEY_TLS: "8.1.9"}),
        ("valkey", "10.0.0", True, {}),
    ],
)
def test_a_version_has_the_holes_that_it_has(
    kind: str, version: str, tls: bool, found: dict[str, str]
) -> None:
    assert {hole.name: fixed for hole, fixed in holes_of(kind, version, tls=tls)} == found


def facts(url: str, info: Mapping[str, str], settings: Mapping[str, str]) -> ServerFacts:
    return ServerFacts(url, info, settings, {}, 0.0, 0.0)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis://10.0.0.5:6379", True),
        ("redis://redis.internal/0", True),
        ("redis://ops:pw@[fd00::5]:6379", True),
        ("redis+sentinel://127.0.0.1:1,10.0.0.5:2/jobs", True),
        ("redis+cluster://a:1,b:2", True),
        ("redis://localhost:6379", False),
        ("redis://ops:pw@127.0.0.1", False),
        ("redis://[::1]:6379", False),
        ("redis+sentinel://127.0.0.1:1,localhost:2/jobs", False),
        ("redis+cluster://ops:p@127.0.0.1:1,[::1]:2", False),
        ("rediss://10.0.0.5", False),
        ("rediss+cluster://a:1,b:2", False),
        ("unix:///run/redis.sock", False),
    ],
)
def test_a_connection_in_the_clear_beyond_this_machine_is_a_note(url: str, told: bool) -> None:
    found = {(row.check, row.severity) for row in server_findings(facts(url, {}, {}))}
    assert (("no_tls", NOTE) in found) is told
    assert "pw" not in str(list(server_findings(facts(url, {}, {}))))


@pytest.mark.parametrize(
    ("enabled", "setting", "told"), [("1", "yes", True), ("1", "no", False), ("0", "yes", False)]
)
def test_a_cluster_that_stops_as_one_is_a_problem(enabled: str, setting: str, told: bool) -> None:
    looked = facts(
        "redis+cluster://127.0.0.1:1,127.0.0.1:2",
        {"cluster_enabled": enabled},
        {"cluster-require-full-coverage": setting},
    )
    assert (
        ("full_coverage", PROBLEM) in {(row.check, row.severity) for row in server_findings(looked)}
    ) is told


def test_a_real_cluster_is_asked_for_it(taskq: Taskq) -> None:
    group = Cluster("valkey", replicas=False)
    try:
        assert "full_coverage" not in taskq("doctor", url=group.url).stdout
        for node in group.nodes:
            node.raw.config_set("cluster-require-full-coverage", "yes")
        done = taskq("doctor", "-o", "tsv", url=group.url)
        assert done.returncode == 1
        assert "full_coverage" in done.stdout
    finally:
        group.remove()

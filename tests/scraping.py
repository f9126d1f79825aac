"""Scraping as Prometheus does it: over HTTP, with its own parser, checked by promtool."""

from __future__ import annotations

import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from tests.processes import Program
from tests.servers import missing
from tests.waiting import wait_until

Key = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Scrape:
    """All samples of one answer."""

    text: str
    samples: Mapping[Key, float]

    def __call__(self, name: str, **labels: str) -> float:
        """The sum of the samples of a name that have these labels, and others. Fails when there are none."""
        found = [
            value
            for (known, has), value in self.samples.items()
            if known == name and labels.items() <= dict(has).items()
        ]
        assert found, f"no {name} with {labels}"
        return sum(found)

    def series(self, name: str) -> set[frozenset[tuple[str, str]]]:
        """The labels of all samples of a name."""
        return {has for known, has in self.samples if known == name}


def parsed(text: str) -> Scrape:
    """The samples of a text. Fails when two have the same name and labels."""
    samples: dict[Key, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in samples, key
            samples[key] = sample.value
    return Scrape(text, samples)


def fetch(url: str, **headers: str) -> tuple[int, bytes]:
    """The status and body of an answer, whatever the status. Status 0: nobody answers."""
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        return 0, str(error).encode()


def scrape(url: str) -> Scrape:
    """What ``/metrics`` of an endpoint says."""
    status, body = fetch(url + "/metrics")
    assert status == 200, body
    return parsed(body.decode())


def said(url: str, path: str) -> tuple[int, str]:
    """Status and text of a probe."""
    status, body = fetch(url + path)
    return status, body.decode().strip()


def endpoint_of(program: Program) -> str:
    """The address that a worker or an exporter says it serves metrics on, once it is ready."""

    def found() -> str:
        match = re.search(r"metrics on (http://\S+)/metrics", program.stderr)
        assert match or program.running, program.stderr
        return match[1] if match else ""

    return wait_until(found, 30, "the endpoint")


def ready(url: str, timeout: float = 30) -> None:
    """Waits until it says that it is ready."""
    wait_until(lambda: said(url, "/readyz")[0] == 200, timeout, f"{url}/readyz")


def promtool(text: str) -> str:
    """What `promtool check metrics` has to say against a text; nothing, as a rule."""
    if shutil.which("promtool") is None:
        missing("promtool is not installed (Debian: prometheus)")
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr + ("" if done.returncode == 0 else f"exit code {done.returncode}")

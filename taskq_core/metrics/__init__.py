"""Metrics in Prometheus' form: what is measured, how it is counted, and how it is served.

A process that enqueues counts once it was asked to:

    from taskq_core import metrics

    metrics.register()      # in prometheus_client's own registry, or in the one that is given
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskq_core.metrics.catalogue import METRICS, Metric
    from taskq_core.metrics.producer import register

_HOME = {"METRICS": "catalogue", "Metric": "catalogue", "register": "producer"}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'taskq_core.metrics' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"taskq_core.metrics.{_HOME[name]}"), name)
    globals()[name] = value
    return value


__all__ = ["METRICS", "Metric", "register"]

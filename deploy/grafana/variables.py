"""The choices above the panels: data source, cluster, namespace and queue."""

from __future__ import annotations

from deploy.grafana.panels import HERE, SOURCE, Json


def variable(name: str, label: str, query: str) -> Json:
    """A choice of several, all at first. A label that no series has leaves only "All"."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
        "refresh": 2,
        "sort": 1,
        "options": [],
        "regex": "",
        "hide": 0,
    }


def variables() -> list[Json]:
    """What can be chosen above the panels."""
    source = {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {"text": "Prometheus", "value": "prometheus"},
        "hide": 0,
        "options": [],
        "refresh": 1,
        "regex": "",
    }
    cluster, namespace = 'cluster=~"$cluster"', f"taskq_queue_jobs{{{HERE}}}"
    return [
        source,
        variable("cluster", "Cluster", "label_values(taskq_redis_up, cluster)"),
        variable("namespace", "Namespace", f"label_values(taskq_redis_up{{{cluster}}}, namespace)"),
        variable("queue", "Queue", f"label_values({namespace}, queue)"),
    ]

"""Any order of calls, faults included, against a model: after each step every job is where the model says.

Hypothesis chooses the steps, and shortens a run that fails to the few steps it takes. The examples here are
always the same; `python -m tests.chaos.stateful` makes new ones for as long as you like.
"""

from __future__ import annotations

import pytest

from tests.chaos.crowd_machine import CrowdMachine
from tests.chaos.stateful import run
from tests.servers import Server


@pytest.mark.timeout(300)
def test_any_order_of_calls_keeps_the_invariants(server: Server) -> None:
    made, taken = run(server, examples=15, steps=40)

    assert made >= 12
    assert taken >= 300


@pytest.mark.timeout(300)
def test_limits_turns_and_groups_keep_their_invariants_too(any_server: Server) -> None:
    made, taken = run(any_server, CrowdMachine, examples=6, steps=30)

    assert made >= 5
    assert taken >= 100

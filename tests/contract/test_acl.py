"""Users made by `taskq tenant acl` do all their work, with every right that they have, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from taskq_core import AccessDenied, Client, JobOptions, State, TenantRole
from taskq_core.acl import ALONE, AclPlace, acl_rules, commands_of, scripts_of
from taskq_core.commands import limiting
from taskq_core.scripts import script, script_names
from tests.contract.escapes import ESCAPES, NOT_FOR_PRODUCERS, NOT_FOR_READERS
from tests.contract.tenancy import ADMIN, NAMESPACE, SECRET, Tenancy, ready
from tests.dump import dump
from tests.processes import ROOT
from tests.servers import KINDS
from tests.waiting import wait_until

CHANGES = {
    "enqueue": ("ok", "n=1", "-q", "emails"),
    "queue": ("pause", "emails"),
    "purge": ("emails", "--state", "ready", "--confirm", "emails"),
}
BY_SCRIPT = ("EVAL", "return redis.call(unpack(ARGV))", "0")
ASKED = {"info", "config|get", "acl|whoami"}
"""What commands ask for and do without."""


@pytest.fixture(params=KINDS)
def tenancy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tenancy]:
    found = Tenancy(request.param, tmp_path)
    yield found
    found.close()


def test_each_role_does_its_work_and_needs_every_right_it_has(tenancy: Tenancy) -> None:
    tenancy.raw.acl_log_reset()
    tenancy.raw.config_resetstat()
    with tenancy.client() as client:
        _work(tenancy, client)
        _produce(tenancy, client)
        _look(tenancy, "reader", client)
        for words in (["top", "--once"], ["doctor"], ["export"]):
            tenancy.run("all", *words)
        _operate(tenancy, client)
        _end(tenancy, client)

    assert {role for role in TenantRole if tenancy.denied(role) - ASKED} == set()
    used = {name.removeprefix("cmdstat_") for name in tenancy.raw.info("commandstats")}
    assert {role: spare for role in TenantRole if (spare := tenancy.allowed[role] - used)} == {}


def _work(tenancy: Tenancy, client: Client) -> None:
    tenancy.worker()
    ready(client, 1)
    client.enqueue_many("emails", "ok", [{"n": n} for n in range(30)])
    client.enqueue("emails", "bad", {})
    client.enqueue("emails", "crash", {})  # takes its worker with it
    wait_until(lambda: not tenancy.workers[0].running, 30, "the end of the first worker")
    tenancy.worker()
    wait_until(lambda: tenancy.totals(client).get("recovered", 0) >= 1, 30, "the recovery")
    wait_until(lambda: tenancy.totals(client).get("done") == 31, 30, "the jobs")


def _produce(tenancy: Tenancy, client: Client) -> None:
    made = tenancy.run(
        "producer", "enqueue", "ok", "n=1", "-q", "emails", "--keep", "1h", "--unique", "u"
    ).strip()
    tenancy.run("producer", "wait", made, "--timeout", "30s")
    assert "#1  done" in tenancy.run("producer", "logs", made)
    assert '"n":1' in tenancy.run("producer", "result", made).replace(" ", "")
    tenancy.run("producer", "enqueue", "ok", "n=2", "-q", "emails", "--in", "1h")
    later = ("enqueue", "ok", "-q", "emails", "--unique", "later", "--debounce", "1h")
    assert tenancy.run("producer", *later) == tenancy.run("producer", *later)
    tenancy.run("producer", "group", "open", "g", "ok", "n=4", "-q", "emails", "--when", "ended")
    tenancy.run("producer", "enqueue", "ok", "n=5", "-q", "emails", "--group", "g", "--then", "ok")
    tenancy.run("producer", "group", "seal", "emails/g")
    tenancy.run("producer", "wait", "--group", "emails/g", "--timeout", "30s")
    durable = tenancy.attempt("producer", "enqueue", "ok", "n=3", "-q", "emails", "--durable")
    # Redis 7.0 cannot say what is on disk, and there is no such command to be allowed
    assert durable.returncode == (0 if "waitaof" in tenancy.allowed[TenantRole.PRODUCER] else 5)
    theirs = tenancy.run("producer", "enqueue", "ok", "n=6", "-q", "emails", "--tenant", "acme").strip()
    tenancy.run("producer", "wait", theirs, "--timeout", "30s")
    keyed = '{"task": "slow", "payload": {"s": 0.1}, "concurrency_key": "k"}\n'
    tenancy.run("producer", "enqueue", "-", "-q", "emails", stdin=keyed * 3)
    wait_until(lambda: client.snapshot("emails").depth == 3, 30, "the jobs of one key, one by one")
    client.run(limiting.tidy(client.keys("emails")))
    held = client.enqueue("emails", "slow", {"s": 60})
    wait_until(lambda: client.inspect(held.ref).state is State.RUNNING, 30, "a job that runs")
    assert tenancy.run("producer", "jobs", "-q", "emails", "--state", "running").count("slow") == 1


def _look(tenancy: Tenancy, role: str, client: Client) -> None:
    running = str(client.list_jobs("emails", State.RUNNING).jobs[0].ref)
    waiting = str(client.list_jobs("emails", State.SCHEDULED).jobs[0].ref)
    worker = client.workers("emails")[0].process
    for line in (
        "jobs", "jobs --state dead", f"inspect {running} {waiting}", f"why {running}", "why emails",
        "failures", "failures --group", "queue ls", "queue show emails", "workers ls",
        f"workers show {worker}", "stats", "health -q emails", "export", "top --once",
        "top --once=server --read-only", "doctor",
    ):  # fmt: skip
        tenancy.run(role, *line.split())
    tenancy.run(role, "tail", "--failures", seconds=0.5)


def _operate(tenancy: Tenancy, client: Client) -> None:
    def run(*words: str, stdin: str = "") -> str:
        return tenancy.run("all", *words, stdin=stdin)

    tenancy.run("all", "tail", "--logs", seconds=1.5)  # a blocking command is counted when it ends
    failed = str(client.list_jobs("emails", State.SCHEDULED).jobs[-1].ref)
    run("bury", failed, "--yes")
    run("retry", failed, "--yes")
    wait_until(lambda: client.snapshot("emails").scheduled == 3, 30, "its next failure")
    run("bury", failed, "--yes")
    run("delete", failed, "--yes")
    run("queue", "pause", "emails")
    run("queue", "resume", "emails")
    run("queue", "set", "emails", "--max-jobs", "1000", "--max-bytes", "1GB")
    client.enqueue("emails", "ok", {})
    run("schedule", "add", "nightly", "30 2 * * *", "ok", "-q", "emails")
    run("schedule", "pause", "nightly")
    run("schedule", "resume", "nightly")
    run("schedule", "trigger", "nightly")
    tenancy.run("reader", "schedule", "ls")
    run("schedule", "rm", "nightly", "--yes")
    run("group", "open", "h", "-q", "emails")
    tenancy.run("reader", "group", "ls")
    run("group", "rm", "emails/h", "--yes")
    run("tenant", "set", "emails", "acme", "--weight", "2")
    tenancy.run("reader", "tenant", "ls")
    run("tenant", "purge", "emails", "acme", "--state", "scheduled", "--yes")
    run("queue", "drain", "emails", "--no-wait")
    run("queue", "resume", "emails")
    kept = run("export", "--state", "scheduled")
    run("purge", "emails", "--state", "scheduled", "--confirm", "emails")
    run("import", "-", stdin=kept)
    run("import", "-", stdin=kept)
    run("cancel", str(client.list_jobs("emails", State.SCHEDULED).jobs[0].ref), "--yes")


def _end(tenancy: Tenancy, client: Client) -> None:
    tenancy.run("all", "workers", "stop", "--all", "--now", "--yes")
    wait_until(lambda: not tenancy.workers[-1].running, 30, "the worker to stop as it was told")
    client.enqueue("emails", "ok", {})
    tenancy.run("all", "purge", "emails", "--state", "ready", "--confirm", "emails")
    tenancy.run("all", "queue", "rm", "emails", "--confirm", "emails", "--force")


# -- what is refused --------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=KINDS)
def walls(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenancy]:
    """A tenancy for all that changes nothing, because it is refused."""
    found = Tenancy(request.param, tmp_path_factory.mktemp("walls"))
    with found.client() as client:
        client.enqueue("emails", "ok", {})
        client.enqueue("emails", "ok", {}, JobOptions(delay=timedelta(hours=1)))
    found.raw.set("plain", "secret")
    yield found
    found.close()


@pytest.mark.parametrize("role", TenantRole)
@pytest.mark.parametrize("protocol", [2, 3])
def test_every_escape_is_refused(walls: Tenancy, role: TenantRole, protocol: int) -> None:
    before, users = dump(walls.raw), len(walls.raw.execute_command("ACL", "LIST"))
    with walls.login(role, protocol) as tenant:
        got_out = _carried_out(tenant, [line.split() for line in ESCAPES])
        scripted = _carried_out(tenant, [[*BY_SCRIPT, *line.split()] for line in ESCAPES])
    assert got_out == {}
    assert scripted == {}
    assert dump(walls.raw) == before
    assert len(walls.raw.execute_command("ACL", "LIST")) == users
    assert walls.raw.get("plain") == b"secret"


def _carried_out(tenant: Any, calls: Sequence[Sequence[str]]) -> dict[str, str]:
    """The calls that were not refused for want of a right, and what they did."""
    return {" ".join(words): done for words in calls if (done := _done(tenant, words)) is not None}


def _done(tenant: Any, words: Sequence[str]) -> str | None:
    try:
        return repr(tenant.execute_command(*words))
    except redis.exceptions.NoPermissionError:
        return None
    except redis.exceptions.ResponseError as error:
        # Redis 7.0 has words of its own; and what no script may call at all is refused to everybody
        refused = ("ACL failure", "The user executing the script can't", "not allowed from script")
        return None if any(words in str(error) for words in refused) else str(error)


@pytest.mark.parametrize("role", ["producer", "reader"])
def test_a_producer_and_a_reader_do_nothing_but_their_own_work(walls: Tenancy, role: str) -> None:
    before = dump(walls.raw)
    lines = NOT_FOR_PRODUCERS + (NOT_FOR_READERS if role == "reader" else [])
    with walls.login(role) as tenant:
        assert _carried_out(tenant, [line.split() for line in lines]) == {}
    assert dump(walls.raw) == before


@pytest.mark.parametrize("change", CHANGES)
def test_a_reader_is_told_what_it_may_not(walls: Tenancy, change: str) -> None:
    before = dump(walls.raw)
    done = walls.attempt("reader", change, *CHANGES[change])
    assert done.returncode == 1
    assert "denies access" in done.stderr
    assert SECRET not in done.stderr + done.stdout
    assert dump(walls.raw) == before


def test_a_tenant_without_lua_of_its_own_works_with_loaded_scripts(walls: Tenancy) -> None:
    words = ("--no-eval", "--user", "strict", "--password-file", "pass", "--apply", "--url", walls.admin)
    done = walls.many.run("tenant", "acl", NAMESPACE, *words)
    assert "its scripts are loaded" in done.stderr
    url = f"redis://strict:{SECRET}@127.0.0.1:{walls.server.port}"
    with Client(url, namespace=NAMESPACE, deadline=2) as client, redis.Redis.from_url(url) as plain:
        assert client.inspect(client.enqueue("emails", "ok", {"n": 1}).ref).state is State.READY
        if walls.server.kind == "valkey":
            client.enqueue("emails", "ok", {}, durable=True)
        assert _carried_out(plain, [["EVAL", "while true do end", "0"], ["EVAL_RO", "return 1", "0"]]) == {}
        walls.raw.script_flush()
        with pytest.raises(AccessDenied) as refused:
            client.snapshot("emails")
    assert "taskq tenant acl" in refused.value.hint


# -- the command ------------------------------------------------------------------------------------------


def test_setting_rights_again_replaces_them_and_keeps_the_password(walls: Tenancy) -> None:
    words = ("tenant", "acl", NAMESPACE, "--user", "twice", "--url", walls.admin, "--apply")
    assert "no password yet" in walls.many.run(*words).stderr
    asks = walls.many.run(*words, "--role", "reader")
    assert (asks.returncode, "Replace the rights of user 'twice'?" in asks.stderr) == (5, True)
    given = walls.many.run(*words, "--yes", "--password-file", "-", stdin="0ne-more\n")
    assert given.returncode == 0, given.stderr
    assert "0ne-more" not in given.stdout + given.stderr
    assert walls.many.run(*words, "--yes", "--role", "reader").returncode == 0

    with redis.Redis(port=walls.server.port, username="twice", password="0ne-more") as user:
        assert user.smembers("taskq:acme:queues") == {b"emails"}
        with pytest.raises(redis.exceptions.NoPermissionError):
            user.sadd("taskq:acme:queues", "x")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["acme", "--user", "default"], 2, "everybody's"),
        (["acme", "--user", "a b"], 2, "no name for a user"),
        (["ACME"], 2, "ACME"),
        (["acme}", "--role", "all"], 2, "acme}"),
        (["acme", "--role", "root"], 2, "no role 'root'"),
        (["acme", "--password-file", "pass"], 2, "--apply"),
        (["acme", "--apply", "--password-file", "none"], 2, "cannot read none"),
        (["acme", "--apply", "--password-file", "-"], 2, "holds no password"),
    ],
)
def test_what_cannot_be_right_is_refused(walls: Tenancy, words: list[str], code: int, said: str) -> None:
    done = walls.many.run("tenant", "acl", *words, "--url", walls.admin)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_nobody_takes_away_the_own_rights(walls: Tenancy) -> None:
    walls.raw.execute_command("ACL", "SETUSER", "boss", "on", f">{ADMIN}", "~*", "&*", "+@all")
    url = f"redis://boss:{ADMIN}@127.0.0.1:{walls.server.port}"
    done = walls.many.run("tenant", "acl", "acme", "--user", "boss", "--apply", "--yes", "--url", url)
    assert (done.returncode, "connected as 'boss'" in done.stderr) == (5, True), done.stderr


def test_what_is_printed_sets_the_same_rights(walls: Tenancy) -> None:
    printed = walls.many.run("tenant", "acl", NAMESPACE, "--role", "producer").stdout.strip()
    words = [a or b for a, b in re.findall(r'"([^"]*)"|(\S+)', printed)]
    user = walls.raw.execute_command("ACL", "GETUSER", words[2])
    words = [word for word in words if walls.server.kind == "valkey" or word != "+waitaof"]
    assert walls.raw.execute_command(*words) in (True, b"OK")
    assert walls.raw.execute_command("ACL", "GETUSER", words[2]) == user


# -- the rules --------------------------------------------------------------------------------------------


def test_every_call_of_every_script_is_seen() -> None:
    for name in script_names():
        source = re.sub(r"--[^\n]*", "", script(name).source)
        calls = re.findall(r"\bp?call\(([^,)]+)", source)
        unseen = [word for word in calls if not re.fullmatch(r"'[A-Z]+'|verb|cjson\.decode", word)]
        assert unseen == [], name
        either = {"zrange", "zrevrange"} if "verb" in calls else set[str]()
        said = {word.strip("'").lower() for word in calls if word.startswith("'")}
        assert {word.partition("|")[0] for word in commands_of(name)} == said | either, name


def test_a_worker_runs_all_the_scripts_that_its_modules_send() -> None:
    core = ROOT / "taskq_core"
    built = {}
    for module in (core / "commands").glob("*.py"):
        for function in re.split(r"^(?=def )", module.read_text(), flags=re.MULTILINE)[1:]:
            name = re.match(r"def (\w+)", function)
            assert name
            built[module.stem, name[1]] = re.findall(r'script\("(\w+)"\)', function)
    sent = [
        name
        for file in (core / "worker").glob("*.py")
        for call in re.findall(r"\b(\w+)\.(\w+)\(", file.read_text())
        for name in built.get(call, [])
    ]
    assert {"claim", "ack", "heartbeat", "reclaim"} <= set(sent)
    assert set(sent) <= set(scripts_of(TenantRole.WORKER))


def test_no_role_has_a_whole_category_or_a_right_beyond_its_namespace() -> None:
    for role in TenantRole:
        rules = acl_rules("acme", role, AclPlace("cluster", 3))
        words = " ".join(rules).replace("(", "").replace(")", "").split()
        assert [word for word in words if "@" in word and word[0] in "+-"] == ["-@all"]
        assert {word for word in words if word.startswith("~") and not word.startswith("~taskq:{acme/")} == {
            "~taskq:acme:queues"
        }
        assert {"+cluster|slots", "+asking", "+select|3"} <= set(words)
        assert not {"+cluster|slots", "+asking", "+role"} & set(acl_rules("acme", role, ALONE))
        assert "+eval" not in acl_rules("acme", role, own_scripts=False)
        assert "+role" in acl_rules("acme", role, AclPlace.of("redis+sentinel://a:1/jobs"))


@pytest.mark.parametrize(
    ("url", "database"),
    [
        ("redis://h:1", 0),
        ("redis://h:1/3", 3),
        ("redis://h:1?db=3", 3),
        ("unix:///run/5", 0),
        ("unix:///s?db=2", 2),
        ("redis+sentinel://h/5", 0),
        ("redis+sentinel://h/jobs/4", 4),
    ],
)
def test_the_database_of_a_url_may_be_selected_and_no_other(url: str, database: int) -> None:
    rules = acl_rules("acme", TenantRole.ALL, AclPlace.of(url))

    assert [rule for rule in rules if rule.startswith("+select")] == (
        [f"+select|{database}"] if database else []
    )

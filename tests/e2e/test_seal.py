# SPDX-License-Identifier: Apache-2.0
"""A package that is encrypted for who hosts the tenant's lease: published, pulled, opened by keys of key servers that do
all that can go wrong. Scripted Walrus, Sui and key servers, loopback only."""
import base64
import hashlib
import json
import os
import stat
import tarfile
from pathlib import Path

import pytest

from bed import run, wait_for
from test_chain import Lines, chain_of, scripted
from test_walrus import SHARDS, Node, Walrus, write
from test_walrus_run import IDLE, state_of

FIRST_PACKAGE = "0x" + "5e" * 32  # of the policy; the chain has a newer one
TENANT = "0x" + "7e" * 32
VERSION = 900  # at which the scripted chain's objects were shared


def sri(content):
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


def tarball(folder, code="1;\n"):
    path = folder / "app.tgz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(write(folder / "app", package_json={"name": "app", "version": "1.0.0", "main": "index.js"},
                      index_js=code), "package")
    return path


class Market:
    """A chain with one lease of the tenant's, whose provider has this key, and key servers that ask it; scripts: what each
    of them does, by the words of tests/fakes/seal. netns: where they are."""

    def __init__(self, folder, key_file, address, scripts, netns=None):
        self.key_file = key_file
        self.chain = chain_of(folder / "chain", "00" * 32, address, netns)
        at = self.chain.where
        policy = {**{k: at[k] for k in ("package", "market", "provider", "lease")}, "firstPackage": FIRST_PACKAGE,
                  "version": VERSION, "id": "", "users": [address], "live": True}
        servers = [{"script": s.removeprefix("tls ").split(), "tls": s.startswith("tls ")} for s in scripts]
        self.town = Lines("node", scripted("seal") / "serve.mjs", folder / "town",
                          json.dumps({"policy": policy, "servers": servers}), netns=netns)
        self.servers, self.lease = self.town.where, at["lease"]
        self.fresh = {"id": "", "users": [address], "live": True}

    def again(self, scripts):
        """As it was when it was new, with other scripts."""
        self.chain.ask(lease={"provider": self.chain.where["provider"], "work": {}})
        for i, script in enumerate(scripts):
            self.town.ask(script=[i, script.split()])
        self.town.ask(policy=self.fresh, anew=True)
        return self

    def close(self):
        self.town.close()
        self.chain.close()

    def sections(self):
        """Of the configuration, of tenant and provider."""
        at = self.chain.where
        return {"seal": {"servers": [s["pin"] for s in self.servers], "threshold": min(2, len(self.servers)),
                         "package": FIRST_PACKAGE},
                "chain": {"kind": "sui", "network": at["network"], "graphql": [at["url"]], "caFile": at["ca"],
                          "package": at["package"], "market": at["market"], "provider": at["provider"],
                          "keyFile": str(self.key_file)}}

    def lease_names(self, made, **changes):
        """The lease is for what was published."""
        self.chain.ask(lease={"work": {
            "blob_id": made["blob_id_u256"], "sri": made["integrity"].removeprefix("sha512-"), "entry": "",
            "cpu_millis": "0", "memory_bytes": "0", "pids": "0",
            "seal_id": base64.b64encode(bytes.fromhex(made["seal_id"][2:])).decode(), **changes}})
        self.town.ask(policy={"id": made["seal_id"]})

    def log(self):
        """What each key server was asked: a list of requests for each."""
        return self.town.ask()


class Stage(Node):
    """Tenant and provider, with one command line, in a market; and a Walrus."""

    def __init__(self, folder, market):
        super().__init__(folder)
        self.path, self.market, self.more = None, market, market.sections()
        self.walrus = Walrus(name=self.name)

    def __enter__(self):
        self.walrus.__enter__()
        return self

    def __exit__(self, *what):
        self.walrus.__exit__(*what)

    def publish(self, *words, **changes):
        """Encrypted, and named by the lease; changes are members of its work."""
        self.path = self.path or tarball(self.folder)
        code, made = self.run("publish", self.path, "--seal", TENANT, "--shards", SHARDS, *words, publisher=self.walrus.url)
        assert code == 0 and made["published"], made
        self.market.lease_names(made, **changes)
        return made

    def open(self, made, *words):
        return self.pull(made["blob_id"], [self.walrus.url], "--unseal", self.market.lease, *words)

    def opened(self):
        """What anybody could find but the encrypted blob and its name."""
        sealed = {bytes(content) for content in self.walrus.blobs.values()}
        return [p for p in self.visible() if not p.startswith("blobs/walrus/") and (self.state / p).read_bytes() not in sealed]


def market_of(folder, scripts):
    key = Node(folder).weir("key", "new", str(folder / "gas.key"))[1]
    return Market(folder, folder / "gas.key", key["sui_address"], scripts)


@pytest.fixture(scope="module")
def usual_market(tmp_path_factory):
    market = market_of(tmp_path_factory.mktemp("market"), ["well"] * 3)
    yield market
    market.close()


@pytest.fixture
def stage(tmp_path, request, usual_market):
    """Three key servers of whom two are enough, which do well unless the test has scripts of its own."""
    scripts = getattr(request, "param", ["well"] * 3)
    usual = len(scripts) == 3 and not any("tls" in s for s in scripts)
    market = usual_market.again(scripts) if usual else market_of(tmp_path, scripts)
    with Stage(tmp_path, market) as s:
        yield s
    if not usual:
        market.close()


def scripts(*lists):
    return pytest.mark.parametrize("stage", [list(one) for one in lists], indirect=True)


def test_what_is_published_sealed_is_opened_by_the_leases_provider_alone(stage):
    made = stage.publish("--epochs", "5")
    package = stage.path.read_bytes()
    assert made["integrity"] == sri(package) and made["seal_id"].startswith(TENANT)
    assert (made["seal_threshold"], made["seal_shares"]) == (2, 3)
    assert made["seal_servers"] == [s["url"] for s in stage.market.servers]
    assert "--unseal" in made["run_command"] and "encrypted" in made["blob_id_of"]
    (sent,) = stage.walrus.blobs.values()
    assert package[20:60] not in sent and len(sent) == made["bytes"] > len(package)

    code, pulled = stage.open(made, "--integrity", made["integrity"])
    assert code == 0, pulled
    path = Path(pulled["path"])
    assert pulled["integrity"] == made["integrity"] and path.read_bytes() == package
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert (pulled["unsealed"]["threshold"], pulled["unsealed"]["shares"]) == (2, 3)
    log = stage.market.log()
    assert all(entry.get("ok") for server in log for entry in server) and sum(len(server) for server in log) >= 2

    code, again = stage.open(made)
    assert code == 0 and again["integrity"] == made["integrity"] and again["was_stored"] and "unsealed" not in again
    assert stage.market.log() == log  # nobody was asked


def test_each_publication_has_a_key_of_its_own_unless_the_id_is_given(stage):
    one, other = stage.publish(), stage.publish()
    assert one["seal_id"] != other["seal_id"] and one["integrity"] == other["integrity"]
    path = stage.folder / "sealed"
    code, made = stage.run("publish", stage.path, "--seal", one["seal_id"], "--dry-run", "--shards", SHARDS, "-o", path)
    assert code == 0 and made["seal_id"] == one["seal_id"] and made["blob_id"] != one["blob_id"], made
    # what was kept is what would have been sent
    assert stage.run("verify", made["blob_id"], path, "--shards", SHARDS)[0] == 0


# What one of three servers may do, what is said of it, and whether it lied. The others answer behind it.
FAULTS = {
    "wrong_key": ("another key than its own", True),
    "other_id": ("no key for this id", False),
    "no_points": ("no two points", False),
    "garbage": ("its reply", False),
    "empty": ("its reply is empty", False),
    "endless": ("no end within the limit", False),
    "redirect": ("redirects are not followed", False),
    "status_403": ("status 403 Failure: scripted 403", False),
    "status_400": ("status 400", False),
    "status_426": ("status 426", False),
    "status_429": ("status 429", False),
    "status_503": ("status 503", False),
    "endless_503": ("status 503", False),
    "too_new": ("status 403 InvalidParameter", False),
}


@pytest.mark.parametrize("stage, fault", [([f, "last", "last"], f) for f in FAULTS], indirect=["stage"])
def test_one_that_does_not_give_its_key_is_named_and_not_needed(stage, fault):
    why, lied = FAULTS[fault]
    made = stage.publish()
    code, pulled = stage.open(made)
    assert code == 0 and Path(pulled["path"]).read_bytes() == stage.path.read_bytes(), pulled
    told = pulled["unsealed"]["servers"][0]
    assert told["url"] == stage.market.servers[0]["url"] and why in told["why"], told
    assert (told["gave"], told["failed"] >= 1, told["wrong"], told["left"]) == (False, True, int(lied), lied)


@scripts(*[(fault, "well", "well") for fault in ("drip", "hang", "reset")], ("tls well", "well", "well"))
def test_one_that_takes_its_time_keeps_nobody_waiting(stage):
    code, pulled = stage.open(stage.publish())
    assert code == 0 and not pulled["unsealed"]["servers"][0]["gave"], pulled


@scripts(("hang", "drip", "hang"))
def test_a_town_that_is_silent_is_not_waited_for_long(stage):
    made = stage.publish()
    code, answer = stage.run("pull", made["blob_id"], "--shards", SHARDS, "--unseal", stage.market.lease, "--timeout", "2s",
                             aggregators=[stage.walrus.url])
    assert code == 1 and "keys for 0 of 3 shares came" in answer["error"] and "in time" in answer["error"], answer
    assert stage.opened() == []


@scripts(*[(f"{fault} well", f"{fault} well", "status_403") for fault in
           ("status_503", "status_429", "status_500", "too_new", "reset", "endless_503")])
def test_what_may_pass_is_asked_again(stage):
    code, pulled = stage.open(stage.publish())
    assert code == 0, pulled
    assert [(s["gave"], s["failed"]) for s in pulled["unsealed"]["servers"]] == [(True, 1), (True, 1), (False, 1)]
    assert [len(server) for server in stage.market.log()] == [2, 2, 1]


@scripts(("wrong_key", "status_403", "last"))
def test_under_the_threshold_each_is_named_and_nothing_is_opened(stage):
    code, answer = stage.open(stage.publish())
    assert code == 1 and "2 are needed" in answer["error"], answer
    a, b, _ = (s["url"] for s in stage.market.servers)
    assert f"{a}: the key server gave another key than its own for this id (left)" in answer["error"]
    assert f"{b}: status 403 Failure: scripted 403" in answer["error"]
    assert stage.opened() == []


@scripts(("tls well", "well"))
def test_a_certificate_nobody_vouches_for_is_refused(stage):
    code, answer = stage.open(stage.publish())
    assert code == 1 and "certificate" in answer["error"] and stage.opened() == [], answer
    assert stage.market.log()[0] == []


@pytest.mark.parametrize("change, says", [
    ({"users": []}, "NoAccess: EProvider"),
    ({"live": False}, "NoAccess: ENotLive"),
    ({"id": "0x" + "00" * 33}, "NoAccess: EKey"),
])
def test_whom_the_chain_does_not_let_gets_no_key(stage, change, says):
    made = stage.publish()
    stage.market.town.ask(policy=change)
    code, answer = stage.open(made)
    assert code == 1 and f"status 403 {says}" in answer["error"] and stage.opened() == [], answer


def test_another_key_than_the_providers_gets_none(stage):
    made = stage.publish()
    stage.weir("key", "new", str(stage.folder / "thief.key"))
    stage.more["chain"]["keyFile"] = str(stage.folder / "thief.key")
    code, answer = stage.open(made)
    assert code == 1 and "NoAccess: EProvider" in answer["error"] and stage.opened() == [], answer


def test_servers_that_are_not_pinned_are_not_asked(stage):
    made = stage.publish()
    stage.more["seal"].update(servers=stage.more["seal"]["servers"][:1], threshold=1)
    code, answer = stage.open(made)
    assert code == 1 and "hold 1 of its 3 shares, and 2 are needed" in answer["error"], answer
    assert stage.market.log() == [[], [], []]


def test_a_key_that_is_pinned_wrongly_makes_a_liar_of_its_server(stage):
    made = stage.publish()
    pins = [dict(s, key=stage.market.servers[2]["key"]) for s in stage.market.servers[:2]]
    stage.more["seal"]["servers"] = [f"{s['id']} {s['url']} {s['key']}" for s in pins]
    code, answer = stage.open(made)
    assert code == 1 and "gave another key than its own" in answer["error"] and stage.opened() == [], answer


def test_a_url_that_is_none_is_one_servers_fault(stage):
    made = stage.publish()
    first = stage.market.servers[0]
    stage.more["seal"]["servers"][0] = f"{first['id']} http://[x {first['key']}"
    code, pulled = stage.open(made)
    assert code == 0, pulled
    told = pulled["unsealed"]["servers"][0]
    assert (told["gave"], told["failed"]) == (False, 1) and "not a URL" in told["why"], told


@scripts(("well", "well"))
def test_a_server_with_more_shares_can_be_enough(stage):
    stage.more["seal"].update(servers=[stage.market.servers[0]["pin"] + " 2", stage.market.servers[1]["pin"]])
    made = stage.publish()
    assert (made["seal_threshold"], made["seal_shares"]) == (2, 3)
    stage.market.town.ask(script=[1, ["status_403"]])
    code, pulled = stage.open(made)
    assert code == 0 and [(s["shares"], s["gave"]) for s in pulled["unsealed"]["servers"]][0] == (2, True), pulled


@pytest.mark.parametrize("work, says", [
    ({"sri": base64.b64encode(bytes(64)).decode()}, "content is sha512-"),
    ({"blob_id": "1"}, "the lease names the blob"),
    ({"seal_id": ""}, "is not encrypted; leave --unseal out"),
    ({"seal_id": base64.b64encode(bytes(48)).decode()}, "another seal id than the lease names"),
    ({"sri": "?"}, "does not say its sri"),
])
def test_what_the_lease_does_not_name_is_not_opened(stage, work, says):
    code, answer = stage.open(stage.publish(**work))
    assert code == 1 and says in answer["error"] and stage.opened() == [], answer


def test_another_providers_lease_is_told_before_anybody_is_asked(stage):
    made = stage.publish()
    stage.market.chain.ask(lease={"provider": "0x" + "dd" * 32})
    code, answer = stage.open(made)
    assert code == 1 and "another provider's" in answer["error"] and stage.market.log() == [[], [], []], answer


def test_an_integrity_that_is_not_the_leases_is_refused_before_anybody_is_asked(stage):
    made = stage.publish()
    code, answer = stage.open(made, "--integrity", sri(b"another"))
    assert code == 1 and "the lease names the integrity" in answer["error"], answer
    assert stage.market.log() == [[], [], []]


def test_without_key_servers_nothing_is_sealed(stage):
    del stage.more["seal"]
    code, answer = stage.run("publish", tarball(stage.folder), "--seal", TENANT, "--dry-run", "--shards", SHARDS)
    assert code == 1 and "seal.servers: is empty" in answer["error"]


def test_a_sealed_package_runs(bed, tmp_path):
    """The agent's node has the market; the tenant's package is pulled here, and opened there."""
    tenant = Node(tmp_path)
    path = tarball(tmp_path, IDLE)
    gas = bed.weir("key", "new", str(bed.dir / "gas.key"))
    market = Market(bed.dir, bed.dir / "gas.key", gas["sui_address"], ["well"] * 3, bed.node)
    try:
        tenant.more = market.sections()
        with Walrus(name=lambda content: tenant.name(content, "1000")) as walrus:
            code, made = tenant.run("publish", path, "--seal", TENANT, publisher=walrus.url)
            assert code == 0, made
            market.lease_names(made)
            env = dict(os.environ, WEIR_WALRUS_AGGREGATORS=walrus.url)
            bed.cli("-j", "workload", "pull", made["blob_id"], env=env)
        with bed.config.open("a") as f:
            f.write("".join(f"{name}: {json.dumps(section)}\n" for name, section in market.sections().items()))
        bed.start()
        words = ("workload", "run", "web", made["blob_id"], "--cgroup", f"/{bed.name}/pods/web", "--integrity", made["integrity"],
                 "--ready", "none")
        assert "--unseal" in bed.weir(*words, check=False)["error"]
        run("nsenter", f"--net=/run/netns/{bed.node}", bed.bin, "-c", str(bed.config), "workload", "pull", made["blob_id"],
            "--unseal", market.lease)
        bed.weir(*words)
        wait_for("it runs", lambda: state_of(bed) == {"web": "ready"})
        bed.weir("workload", "stop", "web")
        bed.cli("workload", "remove", "web")
        assert all(k["removed"] for k in bed.weir("workload", "prune", "--keep", "0s"))
        assert not list((bed.dir / "state/blobs/opened").iterdir())
    finally:
        market.close()

# SPDX-License-Identifier: Apache-2.0
"""A lease that a tenant opens on chain for this provider starts its work by itself, once, if it keeps to the terms."""
import base64

import pytest
from bed import missing, wait_for
from bed.control import ControlBed
from test_chain import chain  # noqa: F401  (a fixture)
from test_lease_pods import all_there, there
from test_walrus import Walrus

TENANT = "0x" + "7e".rjust(64, "0")
CORE_S = 1000


@pytest.fixture
def bed():
    if missing():
        pytest.skip(missing())
    with ControlBed() as b:
        yield b


@pytest.fixture
def blob(bed, chain):
    """A package on Walrus, its id as Sui shows it, and the agent's terms."""
    content = bed.package().read_bytes()
    name = bed.weir("workload", "verify", "0", str(bed.package()), check=False)["blob_id"]
    with Walrus({name: content}, netns=bed.node) as walrus:
        with bed.config.open("a") as f:
            f.write(f"walrus: {{aggregators: ['{walrus.url}']}}\n"
                    f"offers: {{tenants: ['{TENANT}'], coreSecond: {CORE_S}, deposit: 1000, leases: 6}}\n")
        yield str(int.from_bytes(base64.urlsafe_b64decode(name + "="), "little"))


def opens(chain, byte, blob, core_s=CORE_S, **work):
    """The label under which it is taken over."""
    lease = "0x" + byte * 32
    chain.ask(open={"id": lease, "prices": {"core_s": core_s}, "work": {"blob_id": blob, **work}})
    return f"lease-{byte * 20}"


def labels(bed):
    return [x["lease"] for x in bed.weir("lease", "show")]


def state_of(bed):
    return {w["name"]: w["state"] for w in bed.weir("workload", "show")}


def gone(bed, label):
    bed.goes("services", label)
    wait_for("the Pod is deleted", lambda: "deletionTimestamp" in bed.has("pods", label)["metadata"], timeout=30)


def test_a_lease_s_work_starts_by_itself_once_and_ends_with_it(bed, chain, blob):
    bed.start()
    label = opens(chain, "a1", blob)
    all_there(bed, label)
    assert bed.has("pods", label)["metadata"]["labels"]["weir.dev/lease"] == label
    lease, = bed.weir("lease", "show", label)
    assert (lease["tenant"], lease["state"], lease["deposited"]) == (TENANT[2:], "open", str(10 ** 9))

    # what its provider stopped stays stopped, whatever is looked at again, and by whom
    bed.weir("workload", "stop", label)
    gone(bed, label)
    bed.server.kubelet_finishes()
    wait_for("it is gone", lambda: state_of(bed) == {})
    bed.kill_agent()
    bed.start()
    other = opens(chain, "a2", blob)
    all_there(bed, other)
    assert not there(bed, label) and labels(bed) == [label, other]

    chain.ask(tenant=["close"], id="0x" + "a2" * 32)
    gone(bed, other)


def test_what_does_not_keep_to_the_terms_is_not_taken_over(bed, chain, blob):
    bed.start()
    opens(chain, "b1", blob, core_s=CORE_S - 1)
    opens(chain, "b2", blob, cpu_millis=1001)
    opens(chain, "b3", blob, seal_id=base64.b64encode(b"app").decode())
    label = opens(chain, "b4", blob)
    all_there(bed, label)
    assert labels(bed) == [label]
    log = bed.agent_log()
    assert "refused=" in log and "b3" * 32 in log and "encrypted" in log
    for n in range(5, 10):
        all_there(bed, opens(chain, f"b{n}", blob))
    opens(chain, "ba", blob)
    wait_for("the seventh is refused", lambda: "offers.leases allows no more" in bed.agent_log())
    assert len(labels(bed)) == 6


def test_what_is_not_what_the_lease_names_does_not_run_and_holds_up_no_other(bed, chain, blob):
    bed.start()
    wrong = opens(chain, "c1", blob, entry="other.js")
    absent = opens(chain, "c2", "7")
    changed = opens(chain, "c3", blob, sri=base64.b64encode(bytes(64)).decode())
    label = opens(chain, "c4", blob)
    all_there(bed, label)
    wait_for("all are taken over", lambda: labels(bed) == [wrong, absent, changed, label])
    for lease, why in ((wrong, "names the entry"), (absent, ""), (changed, "integrity")):
        wait_for(f"{lease} is told of", lambda: any(
            lease in line and why in line and "does not start" in line  # noqa: B023
            for line in bed.agent_log().splitlines()), 60)
    assert state_of(bed).keys() == {label}


def test_killed_at_any_time_each_starts_once(bed, chain, blob):
    for n in range(6):
        bed.start()
        label = opens(chain, f"d{n}", blob)
        if n % 2:
            wait_for("it is taken over", lambda: label in labels(bed))  # noqa: B023
        bed.kill_agent()
    bed.start()
    for n in range(6):
        all_there(bed, f"lease-{f'd{n}' * 20}")
    assert len(labels(bed)) == len(state_of(bed)) == 6

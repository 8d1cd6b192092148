# SPDX-License-Identifier: Apache-2.0
"""People and the chain: a provider registers, stakes and unbonds with its owner's key, whatever the network does."""
import json
import os
import subprocess

import pytest
from bed import wait_for
from bed.tools import run
from test_chain import chain  # noqa: F401 (a fixture)

SUI = 10 ** 9
REGISTER = ("--cpu-millis", "4000", "--memory", "8GiB", "--net", "125MiB", "--endpoint", "https://node-a")


def cli(bed, *words):
    """A command where the fake chain is to be reached."""
    return run("nsenter", f"--net=/run/netns/{bed.node}", bed.bin, "-c", str(bed.config), *words, check=False)


def weir(bed, *words, check=True):
    done = cli(bed, "-j", *words)
    assert done.stdout and (not check or done.returncode == 0), f"exit {done.returncode}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout)


@pytest.fixture
def owner(bed, chain):  # noqa: F811
    """A key of the provider's owner, with money in its address balance."""
    key = bed.dir / "owner.key"
    made = bed.weir("key", "new", str(key))
    chain.ask(fund={made["sui_address"]: 10 * SUI})
    return {"key": str(key), "address": made["sui_address"]}


def register(bed, owner, stake="2SUI", check=True):
    return weir(bed, "provider", "register", "--key", owner["key"], "--stake", stake, *REGISTER, check=check)


def use(bed, provider):
    """What register says to write into the configuration."""
    text = bed.config.read_text()
    old = text[text.index("provider: '") + len("provider: '"):].split("'")[0]
    bed.config.write_text(text.replace(f"provider: '{old}'", f"provider: '{provider}'"))


def test_a_provider_registers_stakes_unbonds_and_withdraws(bed, chain, owner):  # noqa: F811
    made = register(bed, owner)
    assert made["configuration"] == f"chain: {{provider: '{made['provider']}'}}"
    on_chain = chain.ask(object=made["provider"])["object"]
    assert on_chain["owner"] == owner["address"] and on_chain["payout"] == owner["address"]
    assert on_chain["agent"] == weir(bed, "key", "show", str(bed.dir / "gas.key"))["sui_address"]
    assert on_chain["capacities"][0]["memory_bytes"] == str(8 << 30)

    use(bed, made["provider"])
    shown = weir(bed, "provider", "show")
    assert (shown["stake"], shown["minimum_stake"], shown["backed"]) == (str(2 * SUI), str(SUI), True)
    assert shown["report_key"] == "current" and shown["keys"][0]["key"] == weir(bed, "key", "show")["public_key"]
    assert shown["capacity"] == {"cpu_millis": 4000, "memory_bytes": 8 << 30, "net_bytes_s": 125 << 20}

    weir(bed, "provider", "stake", "1.5SUI", "--key", owner["key"])
    refused = weir(bed, "provider", "unbond", "3SUI", "--key", owner["key"], check=False)
    assert "0.5SUI would be left" in refused["error"] and "--below-minimum" in refused["error"]
    weir(bed, "provider", "unbond", "3SUI", "--below-minimum", "--key", owner["key"])
    shown = weir(bed, "provider", "show")
    assert (shown["stake"], shown["backed"]) == (str(SUI // 2), False)
    assert shown["unbonding"][0]["amount"] == str(3 * SUI) and not shown["unbonding"][0]["free"]

    # not before its time, and then to the owner, whoever asks
    early = weir(bed, "provider", "withdraw", "--key", owner["key"], check=False)
    assert "would refuse it" in early["error"]
    before = int(chain.ask(later=86400000)["balances"][owner["address"]])
    weir(bed, "provider", "withdraw", "--key", str(bed.dir / "gas.key"))
    assert int(chain.ask()["balances"][owner["address"]]) == before + 3 * SUI
    plain = cli(bed, "provider", "show").stdout
    assert "stake          0.5SUI" in plain and "nothing is unbonding" in plain


def test_money_may_lie_in_coins(bed, chain):  # noqa: F811
    key = str(bed.dir / "coins.key")
    address = weir(bed, "key", "new", key)["sui_address"]
    for balance in (SUI, 2 * SUI, SUI // 10):
        chain.ask(coin={"owner": address, "balance": balance})
    poor = register(bed, {"key": key}, "3.2SUI", check=False)
    assert "0SUI in its address balance and 3.1SUI in coins" in poor["error"]
    made = register(bed, {"key": key})
    state = chain.ask(object=made["provider"])
    # all of them in one, less the stake and the gas
    assert state["object"]["stake"] == str(2 * SUI)
    assert [int(c) for c in state["coins"]] == [31 * SUI // 10 - 2 * SUI - int(made["gas"])]


@pytest.mark.parametrize("fault", [
    {"accept": True, "drop": True, "times": 2}, {"accept": True, "status": 503}, {"cut": 60}, {"status": 503},
    {"error": "INTERNAL_SERVER_ERROR"}], ids=["dropped", "taken", "cut", "busy", "error"])
def test_no_answer_is_asked_for_by_the_same_command(bed, chain, owner, fault):  # noqa: F811
    chain.ask(fault={"on": "execute", **fault})
    lost = cli(bed, "-j", "provider", "register", "--key", owner["key"], "--stake", "2SUI", *REGISTER)
    assert lost.returncode == 1 and "is on its way" in lost.stderr
    digest = lost.stderr.split("transaction ")[1].split()[0]
    error = json.loads(lost.stdout)["error"]
    assert digest in error and "run the same command again" in error

    # nothing else with this key while it is open
    other = weir(bed, "provider", "stake", "1SUI", "--key", owner["key"], check=False)
    assert "with this --key: weir provider register --stake 2SUI" in other["error"]
    again = register(bed, owner)
    assert again["resumed"] and again["transaction"] == digest
    state = chain.ask(object=again["provider"])
    assert state["executions"] == 1 and state["object"]["stake"] == str(2 * SUI)
    assert not register(bed, owner)["resumed"]


@pytest.mark.parametrize("taken", [True, False])
def test_killed_while_it_waits_it_is_finished_by_the_same_command(bed, chain, owner, taken):  # noqa: F811
    chain.ask(fault={"on": "execute", "accept": taken, "hang": True})
    child = subprocess.Popen(
        ["nsenter", f"--net=/run/netns/{bed.node}", bed.bin, "-c", str(bed.config), "provider", "register", "--key", owner["key"],
         "--stake", "2SUI", *REGISTER], stderr=subprocess.PIPE, text=True)
    said = child.stderr.readline()
    assert "is on its way" in said
    wait_for("it was sent", lambda: not chain.ask()["pending"])
    child.kill()
    child.communicate()
    again = register(bed, owner)
    assert again["resumed"] and again["transaction"] in said
    assert chain.ask()["executions"] == 1


def test_what_never_came_is_given_up_when_its_time_is_over(bed, chain, owner):  # noqa: F811
    chain.ask(fault={"on": "execute", "error": "INTERNAL_SERVER_ERROR"})
    register(bed, owner, check=False)
    chain.ask(epochs=2)
    assert "never was executed" in register(bed, owner, check=False)["error"]
    assert not register(bed, owner)["resumed"]


def test_what_can_not_be_is_said_before_anything_is_sent(bed, chain, owner):  # noqa: F811
    os.chmod(owner["key"], 0o640)
    assert "mode 0640" in register(bed, owner, check=False)["error"]
    os.chmod(owner["key"], 0o600)
    assert "the market wants 1SUI" in register(bed, owner, "0.5SUI", check=False)["error"]
    assert "takes 20SUI and up to 0.05SUI for gas" in register(bed, owner, "20SUI", check=False)["error"]
    stranger = weir(bed, "provider", "unbond", "1SUI", "--key", owner["key"], check=False)
    assert "not that of the provider's owner" in stranger["error"]
    assert cli(bed, "-j", "provider", "stake", "1SUI").returncode == 2
    assert chain.ask()["executions"] == 0

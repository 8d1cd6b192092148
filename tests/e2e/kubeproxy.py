# SPDX-License-Identifier: Apache-2.0
"""Rules as kube-proxy 1.36 writes them, for both families: what is on a node where it has run.

    ports = [Port("default/web:http", "tcp", "10.96.0.10", 80, [("10.244.1.11", 8080)])]
    others()            # what else is there: the kubelet's, and that of people who use such names too
    iptables(ports)     # for iptables-restore --noflush, of either make
    nftables(ports)     # for nft -f
    sets(), ipvs()      # for ipset restore, and the rules of IPVS mode

Chains carry the names kube-proxy gives them; of its rules each shape is there once for each port.
"""

import base64
import hashlib
from dataclasses import dataclass, field

MARK = "0x00004000"


@dataclass
class Port:
    name: str  # "namespace/service:port"
    proto: str
    vip: str
    port: int
    endpoints: list = field(default_factory=list)  # (address, port)
    node_port: int = 0
    lb: str = ""
    ranges: tuple = ()  # of sources, for the load balancer's address
    affinity: int = 0  # seconds
    local: bool = False  # externalTrafficPolicy


def base32(text):
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()


def chain(kind, port, endpoint=""):
    return f"KUBE-{kind}-{base32(port.name + port.proto + endpoint)[:16]}"


assert chain("SVC", Port("ns1/svc1:p80", "tcp", "", 80)) == "KUBE-SVC-XPGD46QRK7WJZT7O"  # kube-proxy's own test has it


def host(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Rules:
    """The chains and rules of one table, for iptables-restore."""

    def __init__(self, table, *chains):
        self.table, self.chains, self.rules = table, list(chains), []

    def jump(self, source, target, comment, new=False):
        state = "-m conntrack --ctstate NEW " if new else ""
        self.rules.append(f'-I {source} {state}-m comment --comment "{comment}" -j {target}')

    def add(self, name, rule):
        if name not in self.chains:
            self.chains.append(name)
        self.rules.append(f"-A {name} {rule}")

    def text(self):
        return "\n".join([f"*{self.table}", *(f":{c} - [0:0]" for c in self.chains), *self.rules, "COMMIT", ""])


def nat(ports, pods, remark):
    t = Rules("nat", "KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ", "KUBE-PROXY-CANARY")
    for source in ("OUTPUT", "PREROUTING"):
        t.jump(source, "KUBE-SERVICES", "kubernetes service portals")
    t.jump("POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules")
    t.add("KUBE-POSTROUTING", f"-m mark ! --mark {MARK}/{MARK} -j RETURN")
    t.add("KUBE-POSTROUTING", f"-j MARK --xor-mark {MARK}")
    t.add("KUBE-POSTROUTING", remark("kubernetes service traffic requiring SNAT") + "-j MASQUERADE --random-fully")
    t.add("KUBE-MARK-MASQ", f"-j MARK --or-mark {MARK}")
    for p in ports:
        if p.endpoints:
            nat_port(t, p, pods, remark)
    t.add("KUBE-SERVICES", remark("kubernetes service nodeports; NOTE: this must be the last rule in this chain") +
          "-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS")
    return t


def nat_port(t, p, pods, remark):
    svc, ext, firewall = chain("SVC", p), chain("EXT", p), chain("FW", p)
    where = f"-m {p.proto} -p {p.proto} -d {p.vip} --dport {p.port}"
    t.add("KUBE-SERVICES", remark(f"{p.name} cluster IP") + f"{where} -j {svc}")
    t.add(svc, remark(f"{p.name} cluster IP") + f"{where} ! -s {pods} -j KUBE-MARK-MASQ")
    if p.node_port or p.lb:
        entry = svc
        if p.local:
            entry = chain("SVL", p)
            t.add(ext, remark(f"pod traffic for {p.name} external destinations") + f"-s {pods} -j {svc}")
            t.add(ext, remark(f"masquerade LOCAL traffic for {p.name} external destinations") +
                  "-m addrtype --src-type LOCAL -j KUBE-MARK-MASQ")
        else:
            t.add(ext, remark(f"masquerade traffic for {p.name} external destinations") + "-j KUBE-MARK-MASQ")
        t.add(ext, f"-j {entry}")
    if p.node_port:
        t.add("KUBE-NODEPORTS", remark(p.name) + f"-m {p.proto} -p {p.proto} --dport {p.node_port} -j {ext}")
    if p.lb:
        t.add("KUBE-SERVICES", remark(f"{p.name} loadbalancer IP") + f"-m {p.proto} -p {p.proto} -d {p.lb} "
              f"--dport {p.port} -j {firewall if p.ranges else ext}")
    for source in p.ranges:
        t.add(firewall, remark(f"{p.name} loadbalancer IP") + f"-s {source} -j {ext}")
    for name in [svc] + ([chain("SVL", p)] if p.local else []):
        nat_choice(t, p, name, remark)
    for address, port in p.endpoints:
        sep = chain("SEP", p, host(address, port))
        t.add(sep, remark(p.name) + f"-s {address} -j KUBE-MARK-MASQ")
        recent = f"-m recent --name {sep} --set " if p.affinity else ""
        t.add(sep, remark(p.name) + f"{recent}-m {p.proto} -p {p.proto} -j DNAT --to-destination {host(address, port)}")


def nat_choice(t, p, name, remark):
    seps = [(chain("SEP", p, host(*e)), host(*e)) for e in p.endpoints]
    for sep, to in seps if p.affinity else []:
        t.add(name, remark(f"{p.name} -> {to}") + f"-m recent --name {sep} --rcheck --seconds {p.affinity} --reap -j {sep}")
    for left, (sep, to) in zip(range(len(seps), 0, -1), seps):
        share = f"-m statistic --mode random --probability {1 / left:.10f} " if left > 1 else ""
        t.add(name, remark(f"{p.name} -> {to}") + f"{share}-j {sep}")


def filters(ports, remark):
    t = Rules("filter", "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-FORWARD", "KUBE-NODEPORTS",
              "KUBE-PROXY-FIREWALL", "KUBE-PROXY-CANARY")
    for source in ("INPUT", "FORWARD"):
        t.jump(source, "KUBE-EXTERNAL-SERVICES", "kubernetes externally-visible service portals", new=True)
    t.jump("INPUT", "KUBE-NODEPORTS", "kubernetes health check service ports")
    for source in ("FORWARD", "OUTPUT"):
        t.jump(source, "KUBE-SERVICES", "kubernetes service portals", new=True)
    t.jump("FORWARD", "KUBE-FORWARD", "kubernetes forwarding rules")
    for source in ("INPUT", "OUTPUT", "FORWARD"):
        t.jump(source, "KUBE-PROXY-FIREWALL", "kubernetes load balancer firewall", new=True)
    t.add("KUBE-FORWARD", "-m conntrack --ctstate INVALID -j DROP")
    t.add("KUBE-FORWARD", remark("kubernetes forwarding rules") + f"-m mark --mark {MARK}/{MARK} -j ACCEPT")
    t.add("KUBE-FORWARD", remark("kubernetes forwarding conntrack rule") + "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
    for p in ports:
        where = f"-m {p.proto} -p {p.proto} --dport {p.port}"
        if not p.endpoints:
            t.add("KUBE-SERVICES", remark(f"{p.name} has no endpoints") + f"{where} -d {p.vip} -j REJECT")
        elif p.ranges:
            t.add("KUBE-PROXY-FIREWALL", remark(f"{p.name} traffic not accepted by {chain('FW', p)}") +
                  f"{where} -d {p.lb} -j DROP")
    return t


def iptables(ports, v6=False, large=False):
    """large: kube-proxy leaves most comments out when there are more than 1,000 endpoints."""
    def remark(text):
        return "" if large else f'-m comment --comment "{text}" '
    pods = "fd10:244::/32" if v6 else "10.244.0.0/16"
    return (nat(ports, pods, remark).text() + filters(ports, remark).text() +
            Rules("mangle", "KUBE-PROXY-CANARY").text())


def nft_name(port):
    name, _, label = port.name.partition(":")
    text = f"{name}/{port.proto}/{label}"
    return f"{base32(text)[:8]}-{text}"


def nftables(ports, v6=False):
    family, addr, pods = ("ip6", "ipv6_addr", "fd10:244::/32") if v6 else ("ip", "ipv4_addr", "10.244.0.0/16")
    t = f"{family} kube-proxy"
    out = [f'add table {t} {{ comment "rules for kube-proxy"; }}',
           f"add set {t} cluster-ips {{ type {addr}; }}",
           f"add set {t} hairpin-connections {{ type {addr} . {addr} . inet_proto . inet_service; }}"]
    out += [f"add map {t} {m} {{ type {addr} . inet_proto . inet_service : verdict; }}"
            for m in ("service-ips", "no-endpoint-services", "firewall-ips")]
    out += [f"add map {t} {m} {{ type inet_proto . inet_service : verdict; }}"
            for m in ("service-nodeports", "no-endpoint-nodeports")]
    out += [f"add chain {t} {c}" for c in ("services", "masquerading", "reject-chain", "service-endpoints-check")]
    for name, kind, hook, priority in (("nat-prerouting", "nat", "prerouting", -100), ("nat-output", "nat", "output", -100),
                                       ("nat-postrouting", "nat", "postrouting", 100),
                                       ("filter-forward", "filter", "forward", 0), ("filter-output", "filter", "output", 0)):
        out.append(f"add chain {t} {name} {{ type {kind} hook {hook} priority {priority}; }}")
    where = f"{family} daddr . meta l4proto . th dport vmap"
    out += [f"add rule {t} nat-prerouting jump services", f"add rule {t} nat-output jump services",
            f"add rule {t} nat-postrouting jump masquerading", f"add rule {t} reject-chain reject",
            f"add rule {t} filter-forward ct state new jump service-endpoints-check",
            f"add rule {t} filter-output ct state new jump service-endpoints-check",
            f"add rule {t} service-endpoints-check {where} @no-endpoint-services",
            f"add rule {t} masquerading mark and 0x4000 != 0 mark set mark xor 0x4000 masquerade fully-random",
            f"add rule {t} services {family} daddr @cluster-ips {family} saddr != {pods} mark set mark or 0x4000",
            f"add rule {t} services {where} @service-ips"]
    for p in ports:
        key = f"{p.vip} . {p.proto} . {p.port}"
        out.append(f"add element {t} cluster-ips {{ {p.vip} }}")
        if not p.endpoints:
            out.append(f"add element {t} no-endpoint-services {{ {key} : goto reject-chain }}")
            continue
        choice = ", ".join(f"{i} : {a} . {port}" for i, (a, port) in enumerate(p.endpoints))
        service = f"service-{nft_name(p)}"
        out += [f"add chain {t} {service}",
                f"add rule {t} {service} meta l4proto {p.proto} dnat {family} addr . port to "
                f"numgen random mod {len(p.endpoints)} map {{ {choice} }}",
                f"add element {t} service-ips {{ {key} : goto {service} }}"]
    return "\n".join(out) + "\n"


def sets():
    text = []
    for prefix, family in (("KUBE-", "inet"), ("KUBE-6-", "inet6")):
        text += [f"create {prefix}{name} hash:ip,port family {family}"
                 for name in ("CLUSTER-IP", "LOAD-BALANCER", "LOAD-BALANCER-FW")]
        text += [f"create {(prefix + 'LOAD-BALANCER-SOURCE-CIDR')[:31]} hash:ip,port,net family {family}",
                 f"create {prefix}LOOP-BACK hash:ip,port,ip family {family}",
                 f"create {prefix}IPVS-IPS hash:ip family {family}",
                 f"create {prefix}NODE-PORT-TCP bitmap:port range 0-65535",
                 f"create {(prefix + 'NODE-PORT-LOCAL-SCTP-HASH')[:31]} hash:ip,port family {family}"]
    return "\n".join(text + ["add KUBE-CLUSTER-IP 10.96.0.10,tcp:80", "add KUBE-NODE-PORT-TCP 30080", ""])


def ipvs(v6=False):
    prefix, pods = ("KUBE-6-", "fd10:244::/32") if v6 else ("KUBE-", "10.244.0.0/16")

    def match(name, what):
        return f"-m set --match-set {(prefix + name)[:31]} {what}"
    nat = Rules("nat", "KUBE-SERVICES", "KUBE-POSTROUTING", "KUBE-MARK-MASQ", "KUBE-NODE-PORT", "KUBE-LOAD-BALANCER")
    for source in ("OUTPUT", "PREROUTING"):
        nat.jump(source, "KUBE-SERVICES", "kubernetes service portals")
    nat.jump("POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules")
    nat.add("KUBE-POSTROUTING", f"{match('LOOP-BACK', 'dst,dst,src')} -j MASQUERADE")
    nat.add("KUBE-MARK-MASQ", f"-j MARK --or-mark {MARK}")
    nat.add("KUBE-SERVICES", f"{match('LOAD-BALANCER', 'dst,dst')} -j KUBE-LOAD-BALANCER")
    nat.add("KUBE-SERVICES", f"! -s {pods} {match('CLUSTER-IP', 'dst,dst')} -j KUBE-MARK-MASQ")
    nat.add("KUBE-SERVICES", "-m addrtype --dst-type LOCAL -j KUBE-NODE-PORT")
    nat.add("KUBE-NODE-PORT", f"-p tcp {match('NODE-PORT-TCP', 'dst')} -j KUBE-MARK-MASQ")
    nat.add("KUBE-LOAD-BALANCER", "-j KUBE-MARK-MASQ")
    filt = Rules("filter", "KUBE-FORWARD", "KUBE-NODE-PORT", "KUBE-PROXY-FIREWALL", "KUBE-SOURCE-RANGES-FIREWALL",
                 "KUBE-IPVS-FILTER", "KUBE-IPVS-OUT-FILTER")
    filt.jump("FORWARD", "KUBE-FORWARD", "kubernetes forwarding rules")
    filt.jump("INPUT", "KUBE-NODE-PORT", "kubernetes health check rules")
    for source in ("INPUT", "FORWARD"):
        filt.jump(source, "KUBE-PROXY-FIREWALL", "kube-proxy firewall rules")
    filt.jump("INPUT", "KUBE-IPVS-FILTER", "kubernetes ipvs access filter")
    filt.jump("OUTPUT", "KUBE-IPVS-OUT-FILTER", "kubernetes ipvs access filter")
    filt.add("KUBE-PROXY-FIREWALL", f"{match('LOAD-BALANCER-FW', 'dst,dst')} -j KUBE-SOURCE-RANGES-FIREWALL")
    filt.add("KUBE-SOURCE-RANGES-FIREWALL", f"{match('LOAD-BALANCER-SOURCE-CIDR', 'dst,dst,src')} -j RETURN")
    filt.add("KUBE-SOURCE-RANGES-FIREWALL", "-j DROP")
    filt.add("KUBE-IPVS-FILTER", f"-m conntrack --ctstate NEW {match('IPVS-IPS', 'dst')} -j REJECT")
    return nat.text() + filt.text()


def others(v6=False):
    """Some of them lead to chains of kube-proxy's, which therefore are there before kube-proxy's rules are."""
    net, one, loop = ("2001:db8::/32", "2001:db8::1", "::1") if v6 else ("192.0.2.0/24", "192.0.2.1", "127.0.0.0/8")
    state = "-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT"
    nat = Rules("nat", "KUBE-KUBELET-CANARY", "KUBE-MARK-DROP", "KUBE-SERVICES", "KUBE-MARK-MASQ", "DOCKER", "MINE",
                "KUBE-MY-CHAIN", "KUBE-SVC-MINE", "KUBE-SEP-7ABCDEFGHIJKLMNOP", "KUBE-SVC-abcdefghijklmnop")
    nat.add("KUBE-MARK-DROP", "-j MARK --or-mark 0x8000")
    nat.add("PREROUTING", "-m addrtype --dst-type LOCAL -j DOCKER")
    nat.add("OUTPUT", f'-d {one} -m comment --comment "before it comes to -j KUBE-SERVICES" -j RETURN')
    nat.add("OUTPUT", f'-d {one} -m comment --comment "a \\"quote\\" and a \\\\" -j KUBE-MY-CHAIN')
    nat.add("KUBE-MY-CHAIN", "-m comment --comment KUBE-SEP-7ABCDEFGHIJKLMNO -j KUBE-SEP-7ABCDEFGHIJKLMNOP")
    nat.add("KUBE-MY-CHAIN", f"-s {net} -j KUBE-MARK-MASQ")
    nat.add("MINE", f"-d {one} -p tcp -m tcp --dport 9 -g KUBE-SERVICES")
    nat.add("POSTROUTING", f"-s {net} -j MASQUERADE")
    filt = Rules("filter", "KUBE-KUBELET-CANARY", "KUBE-FIREWALL", "KUBE-FORWARD", "KUBE-ROUTER-INPUT",
                 "KUBE-POD-FW-ABCDEFGHIJKLMNOP", "KUBE-SVC-ABCDEFGHIJKLMNOP")
    filt.add("KUBE-FIREWALL", f'! -s {loop} -d {loop} -m comment --comment "block incoming localnet connections" '
             f"{state} -j DROP")
    filt.add("INPUT", "-j KUBE-FIREWALL")
    filt.add("OUTPUT", "-j KUBE-FIREWALL")
    filt.add("INPUT", '-m comment --comment "kube-router netpol - 4IA2OSFRMVNDXBVV" -j KUBE-ROUTER-INPUT')
    filt.add("FORWARD", f'-s {net} -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD')
    filt.add("FORWARD", '-m comment --comment "my forwarding rules" -j KUBE-FORWARD')
    filt.add("KUBE-POD-FW-ABCDEFGHIJKLMNOP", "-j KUBE-SVC-ABCDEFGHIJKLMNOP")
    mangle = Rules("mangle", "KUBE-KUBELET-CANARY", "KUBE-IPTABLES-HINT")
    raw = Rules("raw", "KUBE-SERVICES")
    raw.add("OUTPUT", '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES')
    return nat.text() + filt.text() + mangle.text() + raw.text()


def nft_others():
    """Tables that have kube-proxy's name but not its family, or its family and another name."""
    return """
table inet kube-proxy {
    chain nat-output { type nat hook output priority 0; }
}
table ip kube-proxy-mine {
    chain services { ip daddr 192.0.2.1 counter accept; }
}
table ip6 mine {
    set kube-proxy { type ipv6_addr; elements = { 2001:db8::1 } }
}
"""

# SPDX-License-Identifier: Apache-2.0
"""The rules that kube-proxy 1.36 would have in the kernel for a fleet, in both its modes: the same tables, chains,
names and order of rules, loaded in one transaction as it does.

Not there, because no object of a fleet asks for it: rules of firewalls, of session affinity, of traffic policy
Local, of health-check ports. nftables' set of hairpin connections is there and empty: the endpoints are elsewhere.
"""
import base64
import hashlib

from fleet import POD_CIDR, PORT, SERVICE_CIDR, TARGET


def base32(text, length):
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:length]


# ---- nftables

def nft_name(kind, name):
    return f"{kind}-{base32(name, 8)}-{name}"


def nft_service(s):
    return f"{s.ns}/{s.name}/{s.protocol.lower()}/{s.port_name}"


# as in kube-proxy's own unit tests
assert nft_name("service", "ns1/svc1/tcp/p80") == "service-ULMVA6XW-ns1/svc1/tcp/p80"

NFT_BASE = """\
add table ip kube-proxy {{ comment "rules for kube-proxy" ; }}
add set ip kube-proxy cluster-ips {{ type ipv4_addr ; }}
add set ip kube-proxy nodeport-ips {{ type ipv4_addr ; }}
add set ip kube-proxy hairpin-connections {{ type ipv4_addr . ipv4_addr . inet_proto . inet_service ; }}
add map ip kube-proxy firewall-ips {{ type ipv4_addr . inet_proto . inet_service : verdict ; }}
add map ip kube-proxy no-endpoint-services {{ type ipv4_addr . inet_proto . inet_service : verdict ; }}
add map ip kube-proxy no-endpoint-nodeports {{ type inet_proto . inet_service : verdict ; }}
add map ip kube-proxy service-ips {{ type ipv4_addr . inet_proto . inet_service : verdict ; }}
add map ip kube-proxy service-nodeports {{ type inet_proto . inet_service : verdict ; }}
add chain ip kube-proxy filter-prerouting-pre-dnat {{ type filter hook prerouting priority -110 ; }}
add chain ip kube-proxy filter-output-pre-dnat {{ type filter hook output priority -110 ; }}
add chain ip kube-proxy filter-input {{ type filter hook input priority 0 ; }}
add chain ip kube-proxy filter-forward {{ type filter hook forward priority 0 ; }}
add chain ip kube-proxy filter-output {{ type filter hook output priority 0 ; }}
add chain ip kube-proxy nat-prerouting {{ type nat hook prerouting priority -100 ; }}
add chain ip kube-proxy nat-output {{ type nat hook output priority -100 ; }}
add chain ip kube-proxy nat-postrouting {{ type nat hook postrouting priority 100 ; }}
add chain ip kube-proxy firewall-check
add chain ip kube-proxy service-endpoints-check
add chain ip kube-proxy nodeport-endpoints-check
add chain ip kube-proxy cluster-ips-check
add chain ip kube-proxy services
add chain ip kube-proxy masquerading
add rule ip kube-proxy filter-prerouting-pre-dnat ct state new jump firewall-check
add rule ip kube-proxy filter-output-pre-dnat ct state new jump firewall-check
add rule ip kube-proxy filter-input ct state new jump nodeport-endpoints-check
add rule ip kube-proxy filter-input ct state new jump service-endpoints-check
add rule ip kube-proxy filter-forward ct state new jump service-endpoints-check
add rule ip kube-proxy filter-forward ct state new jump cluster-ips-check
add rule ip kube-proxy filter-output ct state new jump service-endpoints-check
add rule ip kube-proxy filter-output ct state new jump cluster-ips-check
add rule ip kube-proxy nat-prerouting jump services
add rule ip kube-proxy nat-output jump services
add rule ip kube-proxy nat-postrouting jump masquerading
add rule ip kube-proxy firewall-check ip daddr . meta l4proto . th dport vmap @firewall-ips
add rule ip kube-proxy service-endpoints-check ip daddr . meta l4proto . th dport vmap @no-endpoint-services
add rule ip kube-proxy nodeport-endpoints-check ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports
add rule ip kube-proxy cluster-ips-check ip daddr @cluster-ips reject
add rule ip kube-proxy cluster-ips-check ip daddr {{ {services} }} drop
add rule ip kube-proxy services ip daddr @cluster-ips ip saddr != {pods} mark set mark or 0x4000
add rule ip kube-proxy services ip daddr . meta l4proto . th dport vmap @service-ips
add rule ip kube-proxy services ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
add rule ip kube-proxy masquerading mark and 0x4000 != 0 mark set mark xor 0x4000 masquerade fully-random
add rule ip kube-proxy masquerading ct status dnat ip saddr . ip daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random
add element ip kube-proxy nodeport-ips {{ {node} }}
"""


def nft_dnat(s, endpoints):
    among = " , ".join(f"{i} : {e} . {TARGET}" for i, e in enumerate(endpoints))
    return (f"add rule ip kube-proxy {nft_name('service', nft_service(s))} meta l4proto {s.protocol.lower()} "
            f"dnat ip addr . port to numgen random mod {len(endpoints)} map {{ {among} }}")


def nft_add(s):
    proto, service = s.protocol.lower(), nft_name("service", nft_service(s))
    yield f"add chain ip kube-proxy {service}"
    yield nft_dnat(s, s.endpoints)
    yield f"add element ip kube-proxy cluster-ips {{ {s.vip} }}"
    yield f"add element ip kube-proxy service-ips {{ {s.vip} . {proto} . {PORT} : goto {service} }}"
    if s.node_port:
        external = nft_name("external", nft_service(s))
        yield f"add chain ip kube-proxy {external}"
        yield f"add rule ip kube-proxy {external} mark set mark or 0x4000"
        yield f"add rule ip kube-proxy {external} goto {service}"
        yield f"add element ip kube-proxy service-nodeports {{ {proto} . {s.node_port} : goto {external} }}"


def nft_rules(services, node):
    yield NFT_BASE.format(services=SERVICE_CIDR, pods=POD_CIDR, node=node)
    for s in services:
        yield from nft_add(s)


def nft_change(s, endpoints):
    """One endpoint came or went: the Service's chain is filled anew."""
    yield f"flush chain ip kube-proxy {nft_name('service', nft_service(s))}"
    yield nft_dnat(s, endpoints)


# ---- iptables

def ipt_name(kind, s, endpoint=""):
    return f"KUBE-{kind}-{ipt_hash(f'{s.ns}/{s.name}:{s.port_name}', s.protocol.lower(), endpoint)}"


def ipt_hash(service, proto, endpoint):
    return base32(service + proto + endpoint, 16)


assert ipt_hash("ns1/svc1:p80", "tcp", "") == "XPGD46QRK7WJZT7O"
assert ipt_hash("ns1/svc1:p80", "tcp", "10.180.0.1:80") == "SXIVWICOYRO3J4NJ"

IPT_FILTER = """\
*filter
:KUBE-SERVICES - [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-FIREWALL - [0:0]
-A INPUT -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL
-A INPUT -j KUBE-NODEPORTS
-A INPUT -m conntrack --ctstate NEW -j KUBE-EXTERNAL-SERVICES
-A INPUT -j KUBE-FIREWALL
-A FORWARD -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL
-A FORWARD -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -j KUBE-SERVICES
-A FORWARD -m conntrack --ctstate NEW -j KUBE-EXTERNAL-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL
-A OUTPUT -m conntrack --ctstate NEW -j KUBE-SERVICES
-A OUTPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
"""
IPT_NAT_CHAINS = """\
*nat
:KUBE-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-MARK-MASQ - [0:0]
"""
IPT_NAT_BASE = """\
-A PREROUTING -j KUBE-SERVICES
-A OUTPUT -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
"""


def ipt_chains(s):
    yield f":{ipt_name('SVC', s)} - [0:0]"
    if s.node_port:
        yield f":{ipt_name('EXT', s)} - [0:0]"
    for e in s.endpoints:
        yield f":{ipt_name('SEP', s, f'{e}:{TARGET}')} - [0:0]"


def ipt_entries(services):
    """What every sync writes anew: the chains that are scanned."""
    for s in services:
        proto = s.protocol.lower()
        yield f"-A KUBE-SERVICES -m {proto} -p {proto} -d {s.vip} --dport {PORT} -j {ipt_name('SVC', s)}"
        if s.node_port:
            yield f"-A KUBE-NODEPORTS -m {proto} -p {proto} --dport {s.node_port} -j {ipt_name('EXT', s)}"
    yield "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS"


def ipt_service(s, endpoints):
    proto, chain = s.protocol.lower(), ipt_name("SVC", s)
    if s.node_port:
        yield f"-A {ipt_name('EXT', s)} -j KUBE-MARK-MASQ"
        yield f"-A {ipt_name('EXT', s)} -j {chain}"
    yield f"-A {chain} -m {proto} -p {proto} -d {s.vip} --dport {PORT} ! -s {POD_CIDR} -j KUBE-MARK-MASQ"
    for left, e in zip(range(len(endpoints), 0, -1), endpoints):
        sep = ipt_name("SEP", s, f"{e}:{TARGET}")
        chance = f" -m statistic --mode random --probability {1 / left:.10f}" if left > 1 else ""
        yield f"-A {chain}{chance} -j {sep}"
        yield f"-A {sep} -s {e} -j KUBE-MARK-MASQ"
        yield f"-A {sep} -m {proto} -p {proto} -j DNAT --to-destination {e}:{TARGET}"


def ipt_rules(services):
    yield IPT_FILTER + IPT_NAT_CHAINS.rstrip()
    for s in services:
        yield from ipt_chains(s)
    yield IPT_NAT_BASE.rstrip()
    yield from ipt_entries(services)
    for s in services:
        yield from ipt_service(s, s.endpoints)
    yield "COMMIT\n"


def ipt_change(services, changed, endpoints):
    """A partial sync: the scanned chains whole, of the others the changed Service's."""
    yield "*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-NODEPORTS - [0:0]"
    yield from ipt_chains(changed)
    yield from ipt_entries(services)
    yield from ipt_service(changed, endpoints)
    yield "COMMIT\n"

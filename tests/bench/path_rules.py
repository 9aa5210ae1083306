"""nftables rulesets that do about what the guard does in police, as well as nftables can.

Each holds SYNs to a protected port to a rate per source and to a rate in all (79 a minute, 16 at
once). None can do what the guard does: look at both before taking from either. So a source that is
refused has still used up its own share (meter first), or one source can use up everybody's (limit
first, which is the cheapest and gives up the per-source limit under a flood from one source).
"""

import json

from netlab_core import LabError

# As many sources as the guard's table has slots by default.
SET = """set sources { type ipv4_addr
  size 65536
  flags dynamic,timeout
  timeout 1m
 }"""
SYN = "tcp flags & (syn|ack|rst) == syn"
METER = "update @sources { ip saddr limit rate over 6/minute burst 5 packets } counter drop"
LIMIT = "limit rate over 79/minute burst 16 packets counter drop"


def _ingress(*rules):
    """The earliest hook there is: before routing and connection tracking, but after the skb."""
    syns = "\n  ".join(rules)
    return f"""table netdev bench {{
 {SET}
 chain ingress {{
  type filter hook ingress device "gw0" priority -500
  policy accept
  ip daddr CA tcp dport 80 {SYN} goto syns
 }}
 chain syns {{
  {syns}
 }}
}}"""


def _inet(hook, first, match, *rules):
    syns = "\n  ".join(rules)
    return f"""table inet bench {{
 {SET}
 set open {{ type ipv4_addr
  size 65536
  flags dynamic
 }}
 chain entry {{
  type filter hook {hook}
  policy accept
  {first}
  ip daddr CA tcp dport 80 {match} goto syns
 }}
 chain syns {{
  {syns}
 }}
}}"""


ESTABLISHED = "ct state established,related counter accept"
AT_ONCE = "add @open { ip saddr ct count over 3 } counter drop"

INGRESS = _ingress(METER, LIMIT)
INGRESS_LIMIT_FIRST = _ingress(LIMIT, METER)
PREROUTING = _inet("prerouting priority raw", "", SYN, METER, LIMIT)
FORWARD = _inet("forward priority filter", ESTABLISHED, "ct state new", METER, LIMIT)
# What a stateful firewall in front of the CA would have: limits on new connections only.
STATEFUL = _inet("forward priority filter", ESTABLISHED, "ct state new", AT_ONCE, METER, LIMIT)


def load(namespace, ruleset, ca):
    """Load it into a namespace, for the CA's address."""
    namespace.run(["nft", "-f", "-"], input=ruleset.replace("CA", ca))


def counters(namespace):
    """[(packets, bytes)] of the ruleset's counters in order."""
    listed = json.loads(namespace.run(["nft", "-j", "list", "ruleset"]).stdout)["nftables"]
    found = []
    for item in listed:
        for expression in item.get("rule", {}).get("expr", []):
            if "counter" in expression:
                found.append((expression["counter"]["packets"], expression["counter"]["bytes"]))
    return found


def prove_established(namespace, least_bytes):
    """LabError unless so many bytes went through the rule for established connections."""
    seen = counters(namespace)
    if not seen or seen[0][1] < least_bytes:
        raise LabError(f"the traffic did not pass the ruleset: {seen}")

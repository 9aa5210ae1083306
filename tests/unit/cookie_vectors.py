#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""SipHash-2-4 and the guard's cookie once more, on bytes and from their descriptions (the paper's
section 2; the comment at the top of bpf/core/cookie.h), and the table of what they must give.

cookie_vectors.py          write tests/unit/cookie_vectors.h
cookie_vectors.py --check  is it what this program would write? `ok NAME` or `not ok NAME`
"""
import ipaddress
import pathlib
import struct
import sys

TABLE = pathlib.Path(__file__).with_name("cookie_vectors.h")
M64 = (1 << 64) - 1
# The paper's example, appendix A: key 00..0f, message 00..0e.
PAPER = 0xA129CA6149BE45E5


def rotl(x, n):
    return (x << n | x >> (64 - n)) & M64


def sip_rounds(v, n):
    a, b, c, d = v
    for _ in range(n):
        a = (a + b) & M64
        b = rotl(b, 13) ^ a
        a = rotl(a, 32)
        c = (c + d) & M64
        d = rotl(d, 16) ^ c
        a = (a + d) & M64
        d = rotl(d, 21) ^ a
        c = (c + b) & M64
        b = rotl(b, 17) ^ c
        c = rotl(c, 32)
    return [a, b, c, d]


def siphash24(key, message):
    k0, k1 = struct.unpack("<QQ", key)
    v = [x ^ y for x, y in zip((k0, k1, k0, k1), struct.unpack(">4Q", b"somepseudorandomlygeneratedbytes"))]
    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) % 256])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        v = sip_rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    v = sip_rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def cookie(keys, client, ca, client_port, ca_port, client_isn, slot, mss_index):
    """keys: two of 16 bytes; addresses as text."""
    key = keys[slot // 128 % 2]
    flow = ipaddress.ip_address(client).packed + ipaddress.ip_address(ca).packed
    flow += struct.pack(">HxxHxx", client_port, ca_port)
    first = siphash24(key, flow + struct.pack("<IBBx", client_isn, 0, 1)) % 64
    upper = mss_index * 64 + first
    macs = siphash24(key, flow + struct.pack("<IBBx", slot // 2, upper, 2))
    mac = (macs >> 24 if slot % 2 else macs) % (1 << 24)
    return upper << 24 | mac


KEYS = (bytes(range(16)), bytes(range(255, 239, -1)))
FLOWS = (
    ("10.1.2.3", "10.9.8.7", 49152, 80),
    ("255.255.255.255", "0.0.0.1", 1, 65535),
    ("2001:db8::17", "2001:db8:0:1::80", 50001, 80),
    ("fe80::1234:5678:9abc:def0", "::1", 65535, 8080),
    # The four bytes of an IPv4 address are another flow in IPv6.
    ("::10.1.2.3", "::10.9.8.7", 49152, 80),
)
# Both slots of a pair, both sides of a change of key and of a wrap.
SLOTS = (0, 1, 2, 127, 128, 255, 256, 54321678, 0xFFFFFFFE, 0xFFFFFFFF)
ISNS = (0, 1, 0x12345678, 0xFFFFFFFF)


def words(address):
    packed = ipaddress.ip_address(address).packed
    if len(packed) == 4:
        packed = bytes(10) + b"\xff\xff" + packed
    return "{" + ", ".join(f"0x{b:02x}" for b in packed) + "}"


def rows():
    n = 0
    for flow in FLOWS:
        for slot in SLOTS:
            isn, mss = ISNS[n // 4 % 4], n % 4
            n += 1
            made = cookie(KEYS, *flow, isn, slot, mss)
            client, ca, client_port, ca_port = flow
            yield (f"\t{{{words(client)},\n\t {words(ca)},\n\t {client_port}, {ca_port}, "
                   f"0x{isn:08x}, 0x{slot:08x}, {mss}, 0x{made:08x}}},")


def table():
    lines = [
        "/* SPDX-License-Identifier: GPL-2.0-only */",
        "/* Written by cookie_vectors.py. */",
        "#ifndef COOKIE_VECTORS_H",
        "#define COOKIE_VECTORS_H",
        "",
        "#include <linux/types.h>",
        "",
        "/* clang-format off */",
        "/* SipHash-2-4 with key 00 01 .. 0f of the messages of n bytes 00 01 02 .., n = 0..63. */",
        "static const __u64 siphash_vectors[64] = {",
    ]
    lines += [f"\t0x{siphash24(KEYS[0], bytes(range(n))):016x}ull," for n in range(64)]
    lines += ["};", "", "static const __u8 cookie_vector_keys[2][16] = {"]
    lines += ["\t{" + ", ".join(f"0x{b:02x}" for b in key) + "}," for key in KEYS]
    lines += [
        "};",
        "",
        "/* Addresses as struct sg_ip has them in memory; all numbers in host order. */",
        "static const struct cookie_vector {",
        "\t__u8 client[16], ca[16];",
        "\t__u16 client_port, ca_port;",
        "\t__u32 client_isn, slot, mss_index, cookie;",
        "} cookie_vectors[] = {",
    ]
    lines += list(rows())
    lines += ["};", "/* clang-format on */", "", "#endif"]
    return "\n".join(lines) + "\n"


def main():
    if siphash24(KEYS[0], bytes(range(15))) != PAPER:
        print("not ok cookie vectors: SipHash-2-4 gives what its paper says")
        return 1
    if sys.argv[1:] != ["--check"]:
        TABLE.write_text(table())
        return 0
    print("ok cookie vectors: SipHash-2-4 gives what its paper says")
    same = TABLE.read_text() == table()
    print("ok" if same else "not ok", f"cookie vectors: {TABLE.name} is what this program writes")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())

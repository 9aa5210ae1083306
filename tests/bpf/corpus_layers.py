"""Cases for `scepguard classify` below TCP: IPv4 options and fragments, IPv6 chains, VLAN stacks, cut and lying
frames. As in corpus_cases.py: (name, Conn, decisive).
"""
import struct

from corpus_cases import CAPS, NEXT
from corpus_conn import (ACK, DESTINATION, FRAGMENT, HOP_BY_HOP, ROUTING, SERVER4, SERVER6, SYN, TCP, Conn)

C_TAG, S_TAG, OLD_TAG = 0x8100, 0x88A8, 0x9100

# Some are thrown away by Linux, some by routers, some by nobody.
OPTIONS4 = {
    "NOPs": b"\x01" * 4, "40 NOPs": b"\x01" * 40, "end": b"\0\0\0\0", "end, then junk": b"\0\xff\xff\xff",
    "record route": bytes([7, 7, 4, 0, 0, 0, 0, 0]), "record route, full": bytes([7, 7, 8]) + SERVER4 + b"\0",
    "timestamp": bytes([68, 8, 5, 0, 0, 0, 0, 0]), "timestamp, bad pointer": bytes([68, 8, 1, 0, 0, 0, 0, 0]),
    "router alert": bytes([148, 4, 0, 0]), "security": bytes([130, 11]) + bytes(9) + b"\0",
    "stream": bytes([136, 4, 0, 1]), "CIPSO": bytes([134, 6, 0, 0, 0, 1, 0, 0]),
    "loose route": bytes([131, 7, 4]) + SERVER4 + b"\0", "strict route": bytes([137, 7, 4]) + SERVER4 + b"\0",
    "route used up": bytes([131, 7, 8]) + SERVER4 + b"\0", "unknown": bytes([200, 4, 1, 2]),
    "length 0": bytes([7, 0, 0, 0]), "length 1": bytes([7, 1, 0, 0]), "length 2": bytes([7, 2, 0, 0]),
    "too long": bytes([7, 99, 4, 0]), "cut off": bytes([1, 1, 1, 7]), "twice": bytes([7, 4, 4, 0]) * 2,
}


def ipv4_options():
    for name, options in OPTIONS4.items():
        plain = name in ("NOPs", "40 NOPs", "end")
        yield name, Conn().open().send(0, CAPS, options=options), plain
        yield f"{name}, then next", Conn().open().send(0, CAPS, options=options).send(0, NEXT), plain
        yield (f"{name} on half", Conn().open().send(0, CAPS[:25], options=options).send(0, NEXT)
               .send(25, CAPS[25:]), False)
        yield f"{name} on the SYN", Conn().open(options=options).send(0, CAPS), False
        yield f"{name} on next", Conn().open().send(0, NEXT, options=options).send(0, CAPS), plain
    for words in (0, 1, 4, 6, 15):
        yield f"header of {words} words", Conn().open().send(0, CAPS, words=words).send(0, NEXT), False


def fragments():
    for version in (4, 6):
        for data, name in ((NEXT, "next"), (CAPS, "useful")):
            for cut in (24, 40, 48, 72):
                for order in ([0, 1], [1, 0], [0, 0, 1], [0, 1, 0, 1]):
                    yield (f"IPv{version} {name}, {cut}, {order}",
                           Conn(version).open().pieces(0, data, cut, order=order), False)
            yield f"IPv{version} {name}, five", Conn(version).open().pieces(0, data, 24, 32, 40, 64), False
            yield f"IPv{version} {name}, overlap", Conn(version).open().pieces(0, data, 48, overlap=8), False
        other = Conn(version).open()
        other.pieces(0, CAPS, 48, order=[0]).pieces(0, NEXT, 48, order=[1])
        yield f"IPv{version} of two", other, False
        other = Conn(version).open().pieces(0, CAPS, 24, order=[0]).pieces(0, NEXT, 24, order=[1, 0])
        yield f"IPv{version} of two, first again", other, False
        yield f"IPv{version} line behind", Conn(version).open().pieces(0, NEXT, 24).send(0, CAPS), False
        yield (f"IPv{version} lost", Conn(version).open().pieces(0, CAPS, 48, order=[0]).send(0, NEXT), False)
        yield (f"IPv{version} lost first", Conn(version).open().pieces(0, CAPS, 48, order=[1]).send(0, NEXT), False)
        yield f"IPv{version} only one", Conn(version).open().pieces(0, CAPS).send(0, NEXT), False
        tail = Conn(version).open().send(0, CAPS[:20]).pieces(20, CAPS[20:], 24)
        yield f"IPv{version} second segment", tail, False
    for cut in (8, 16):
        yield f"tiny, {cut}", Conn().open().pieces(0, CAPS, cut).send(0, NEXT), False
    yield "evil bit", Conn().open().send(0, CAPS, fragment=0x8000), False
    yield "don't fragment", Conn().open().send(0, CAPS, fragment=0x4000), True


def extension(kind_next, body):
    body += b"\0" * (-(len(body) + 2) % 8)
    return bytes([kind_next, (len(body) + 2) // 8 - 1]) + body


PADDING = b"\x01\x04\0\0\0\0"
ROUTES = {"type 0, 0 left": bytes([0, 0]) + bytes(4), "type 0, 1 left": bytes([0, 1]) + bytes(4) + SERVER6,
          "type 2, 1 left": bytes([2, 1]) + bytes(4) + SERVER6, "type 4, 0 left": bytes([4, 0]) + bytes(4) + SERVER6,
          "unknown, 0 left": bytes([99, 0]) + bytes(4), "unknown, 1 left": bytes([99, 1]) + bytes(4)}
# The two highest bits of an option say what to do with it when it is not known.
UNKNOWN = {"skipped": 0x1E, "thrown away": 0x5E, "answered": 0x9E, "answered, not to groups": 0xDE}


def chains():
    """name: (first header, the headers down to TCP, nothing but padding)."""
    yield "destination options", (DESTINATION, extension(TCP, PADDING), True)
    yield "hop by hop", (HOP_BY_HOP, extension(TCP, PADDING), True)
    yield "both", (HOP_BY_HOP, extension(DESTINATION, PADDING) + extension(TCP, PADDING), True)
    yield "both, wrong order", (DESTINATION, extension(HOP_BY_HOP, PADDING) + extension(TCP, PADDING), False)
    yield "hop by hop twice", (HOP_BY_HOP, extension(HOP_BY_HOP, PADDING) + extension(TCP, PADDING), False)
    yield "three", (DESTINATION, extension(DESTINATION, PADDING) * 2 + extension(TCP, PADDING), False)
    yield "eight", (DESTINATION, extension(DESTINATION, PADDING) * 7 + extension(TCP, PADDING), False)
    yield "long padding", (DESTINATION, extension(TCP, b"\x01\x0c" + bytes(12)), False)
    yield "Pad1", (DESTINATION, extension(TCP, bytes(6)), False)
    yield "padding not zero", (DESTINATION, extension(TCP, b"\x01\x04abcd"), False)
    yield "padding cut off", (DESTINATION, extension(TCP, b"\x01\x09\0\0\0\0"), False)
    yield "length beyond the packet", (DESTINATION, bytes([TCP, 200]) + PADDING, False)
    yield "router alert", (HOP_BY_HOP, extension(TCP, b"\x05\x02\0\0\x01\0"), False)
    yield "jumbo", (HOP_BY_HOP, extension(TCP, b"\xc2\x04\0\0\0\xff"), False)
    for name, kind in UNKNOWN.items():
        for where, first in (("destination", DESTINATION), ("hop by hop", HOP_BY_HOP)):
            yield f"unknown {where} option, {name}", (first, extension(TCP, bytes([kind, 4]) + bytes(4)), False)
    for name, route in ROUTES.items():
        yield f"routing, {name}", (ROUTING, extension(TCP, route), False)
    yield "atomic fragment", (FRAGMENT, struct.pack(">BBHI", TCP, 0, 0, 5), False)
    yield "no next header", (59, b"", False)
    for kind in (50, 51, 135, 139, 140, 253):
        yield f"header {kind}", (kind, extension(TCP, PADDING), False)


def ipv6_chains():
    for name, (first, headers, plain) in chains():
        how = {"extensions": headers, "first": first}
        yield name, Conn(6).open().send(0, CAPS, **how), plain
        yield f"{name}, then next", Conn(6).open().send(0, CAPS, **how).send(0, NEXT), plain
        yield (f"{name} on half", Conn(6).open().send(0, CAPS[:25], **how).send(0, NEXT)
               .send(25, CAPS[25:]), False)
        yield f"{name} on next", Conn(6).open().send(0, NEXT, **how).send(0, CAPS), plain
        yield f"{name} on the SYN", Conn(6).open(**how).send(0, CAPS), False
        yield f"{name} everywhere", Conn(6).open(**how).send(0, **how).send(0, CAPS, **how), False


def vlan_stacks():
    """Linux gets the packets without their tags."""
    for version in (4, 6):
        for count in range(1, 5):
            for outer in (C_TAG, S_TAG):
                tags = [outer] + [C_TAG] * (count - 1)
                yield f"{count} from {outer:#x}, IPv{version}", Conn(version, tags=tags).open().send(0, CAPS), True
                yield (f"{count} from {outer:#x}, next, IPv{version}",
                       Conn(version, tags=tags).open().send(0, NEXT), True)
        yield f"five, IPv{version}", Conn(version, tags=[C_TAG] * 5).open().send(0, CAPS), False
        yield f"old type, IPv{version}", Conn(version, tags=[OLD_TAG]).open().send(0, CAPS), False
        yield f"all types, IPv{version}", Conn(version, tags=[S_TAG, S_TAG, C_TAG]).open().send(0, CAPS), True
    yield "a tag with nothing behind", Conn(tags=[C_TAG]).open().send(0, CAPS, cut=18).send(0, NEXT), True
    yield "other protocol", Conn().open().send(0, CAPS, ethertype=0x0806).send(0, NEXT), False
    mixed = Conn().open()
    mixed.tags = [C_TAG]
    yield "tag in mid-connection", mixed.send(0, CAPS), False


def whole_frame(version, tags, data, **how):
    conn = Conn(version, tags=tags).open().send(0, data, **how)
    return len(conn.frames[-1])


def truncated_frames():
    """A useful request's frame cut at every byte, then the other request whole: no receiver takes the first."""
    for version, tags in ((4, []), (6, []), (4, [S_TAG, C_TAG])):
        for cut in range(whole_frame(version, tags, CAPS)):
            conn = Conn(version, tags=tags).open().send(0, CAPS, cut=cut).send(0, NEXT)
            yield f"IPv{version}, {len(tags)} tags, {cut} bytes", conn, cut < 14
    for cut in range(0, 54 + 40, 3):
        options = b"\x01" * 40
        conn = Conn().open().send(0, CAPS, options=options, cut=cut).send(0, NEXT)
        yield f"IPv4 options, {cut} bytes", conn, False
    for cut in range(54):
        yield f"SYN of {cut} bytes", Conn().send(-1, b"", SYN, cut=cut).open().send(0, CAPS), True


def lying_lengths():
    for version in (4, 6):
        for longer in (-100, -60, -40, -10, -1, 1, 4, 100, 1000):
            yield (f"{longer:+d} IPv{version}",
                   Conn(version).open().send(0, CAPS, longer=longer).send(0, NEXT), False)
            yield f"{longer:+d} IPv{version} once", Conn(version).open().send(0, CAPS, longer=longer), False
        for size in (1, 6, 46):
            yield f"{size} behind, IPv{version}", Conn(version).open().send(0, CAPS, trailer=b"\xaa" * size), True
            yield (f"next behind, {size}, IPv{version}",
                   Conn(version).open().send(0, CAPS[:20], trailer=NEXT[20:]).send(20, CAPS[20:]), True)
        for offset in (1, 4, 6, 8, 15):
            yield (f"TCP header of {offset} words, IPv{version}",
                   Conn(version).open().send(0, CAPS, offset=offset).send(0, NEXT), False)
        other = 0x86DD if version == 4 else 0x0800
        yield (f"wrong type, IPv{version}",
               Conn(version).open().send(0, CAPS, ethertype=other).send(0, NEXT), False)
    yield "another protocol", Conn().open().send(0, CAPS, protocol=17).send(0, NEXT), True
    yield "no flags at all", Conn().open().send(0, CAPS, flags=0).send(0, NEXT), True
    yield "padded ACK", Conn().send(-1, b"", SYN, trailer=bytes(6)).send(
        0, flags=ACK, trailer=b"GET /s").send(0, CAPS), True


KINDS = (ipv4_options, fragments, ipv6_chains, vlan_stacks, truncated_frames, lying_lengths)

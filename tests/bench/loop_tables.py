"""Fills a guard's pinned tables: routers it knows, connections that are over, rates of sources.

What lies where in a value is read from the object's own type information (BTF, by bpftool), so that
this follows every change of the layout.
"""

import ctypes
import itertools
import json
import random
import struct
from pathlib import Path

import xdp_stub
from netlab_core import ROOT, LabError, call

OBJECT = ROOT / "build" / "bpf" / "scepguard.bpf.o"
_MAP_LOOKUP, _OBJ_GET, _INFO_BY_FD, _UPDATE_BATCH = 1, 7, 15, 26
BATCH = 4096
STATE_CLOSED = 3
FAR_TICKS = 1 << 40  # in the future: such an entry is never old enough to be deleted


class Layouts:
    """Sizes and offsets of the object's structs, in bytes."""

    def __init__(self):
        types = json.loads(call(["bpftool", "-j", "btf", "dump", "file", OBJECT]).stdout)["types"]
        self.structs = {one["name"]: one for one in types if one["kind"] == "STRUCT"}
        self.by_id = {one["id"]: one for one in types}

    def size(self, name):
        return self.structs[name]["size"]

    def offset(self, name, path):
        """Of a member; 'client.seen' looks into the member `client`."""
        within, total = self.structs[name], 0
        for word in path.split("."):
            member = next(one for one in within["members"] if one["name"] == word)
            total += member["bits_offset"] // 8
            within = self.by_id[member["type_id"]]
        return total

    def build(self, name, **members):
        """A value: {member: (struct format, number)}; '.' is written '__'."""
        value = bytearray(self.size(name))
        for path, (form, content) in members.items():
            struct.pack_into("=" + form, value, self.offset(name, path.replace("__", ".")), content)
        return bytes(value)


class PinnedMap:
    """A map of a running guard."""

    def __init__(self, guard, name):
        self.name = name
        found = sorted(Path(guard.config["paths"]["bpffs"]).glob(f"v*/maps/{name}"))
        if not found:
            raise LabError(f"the guard has no pinned map '{name}'")
        self.path = ctypes.create_string_buffer(str(found[-1]).encode())
        # The kernel keeps no pointer: the attributes may go when the call returns.
        self.fd = xdp_stub._bpf(_OBJ_GET, struct.pack("=QII", ctypes.addressof(self.path), 0, 0))
        info = ctypes.create_string_buffer(80)
        xdp_stub._bpf(_INFO_BY_FD, struct.pack("=IIQ", self.fd, 80, ctypes.addressof(info)))
        _, _, self.key_size, self.value_size, self.entries = struct.unpack_from("=5I", info)

    def lookup(self, key):
        value = ctypes.create_string_buffer(self.value_size)
        xdp_stub._bpf(_MAP_LOOKUP, struct.pack("=IIQQQ", self.fd, 0, _address(key),
                                               ctypes.addressof(value), 0))
        return value.raw

    def update(self, pairs):
        """Put all (key, value) in."""
        pairs = iter(pairs)
        while batch := list(itertools.islice(pairs, BATCH)):
            keys, values = (b"".join(column) for column in zip(*batch))
            if len(keys) != len(batch) * self.key_size or len(values) != len(batch) * self.value_size:
                raise LabError(f"{self.name}: entries of another size than the map's")
            xdp_stub._bpf(_UPDATE_BATCH, struct.pack(
                "=QQQQIIQQ", 0, 0, _address(keys), _address(values), len(batch), self.fd, 0, 0))


def _address(data):
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value


def _mapped(number):
    """10.0.0.0 + number, as the tables hold an IPv4 address."""
    return bytes(10) + b"\xff\xff" + struct.pack(">I", 0x0A000000 + number)


def now_ticks(guard, layouts):
    """The program's clock, a second old at most: the daemon's last heartbeat."""
    live = PinnedMap(guard, "sg_live").lookup(bytes(4))
    return struct.unpack_from("=Q", live, layouts.offset("sg_live", "heartbeat"))[0]


def fill_sources(guard, count):
    """`count` routers that were admitted in the last minutes, one request each."""
    layouts = Layouts()
    now = now_ticks(guard, layouts)

    def pairs():
        for i in range(count):
            seen = max(1, now - i % 65536)
            key = layouts.build("sg_source_key")
            yield (_mapped(i) + key[16:],
                   layouts.build("sg_source", first_seen=("Q", seen), last_seen=("Q", seen),
                                 last_handshake=("Q", seen), admitted=("I", 1),
                                 last_status=("H", 200)))
    PinnedMap(guard, "sg_sources").update(pairs())


def fill_connections(guard, leave):
    """Connections that are over, until there is room for `leave` more; how many."""
    layouts = Layouts()
    connections = PinnedMap(guard, "sg_conns")
    value = layouts.build("sg_conn", state=("I", STATE_CLOSED), lease=("I", 0xFFFFFFFF),
                          place=("Q", (1 << 64) - 1), family=("B", 4),
                          client__seen=("Q", FAR_TICKS))
    count = connections.entries - leave
    tail = layouts.size("sg_conn_key") - 16
    connections.update((_mapped(i) + struct.pack("=HH", i & 0xFFFF, 1).ljust(tail, b"\0"), value)
                       for i in range(count))
    return count


def fill_rates(guard):
    """Every slot of the per-source rate table taken by somebody."""
    table = PinnedMap(guard, "sg_syn_limiter")
    table.update((struct.pack("=I", i), random.randbytes(table.value_size))
                 for i in range(table.entries))
    return table.entries * table.value_size // 8

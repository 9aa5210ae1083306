"""What Linux's own TCP makes of a client's packets: a stack of its own in a network namespace of this
process, fed through a TUN device, so checksums, sequence numbers and timestamps are really looked at.
With a router in between (a second namespace) hops are really counted, too.
"""
import contextlib
import ctypes
import fcntl
import os
import select
import socket
import struct
import subprocess
from pathlib import Path

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
CLIENT4, CLIENT6 = "192.0.2.10", "2001:db8:5::10"
SERVER4, SERVER6 = "192.0.2.1", "2001:db8:5::1"
ACK = 0x10
ECHO_S = 2


def checksum_moved(old, before, after):
    """RFC 1624: a wrong checksum stays as wrong as it was."""
    total = (~old & 0xFFFF) + (~before >> 16 & 0xFFFF) + (~before & 0xFFFF)
    total += (after >> 16) + (after & 0xFFFF)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def internet_sum(data):
    """RFC 1071, for an even number of bytes that are not all zero."""
    return (sum(struct.unpack(f">{len(data) // 2}H", data)) - 1) % 0xFFFF + 1


def ip_packet(frame):
    """(packet, offset of its TCP header or None) of a frame with plain headers, as the guard lets them through."""
    at = 12
    while frame[at:at + 2] in (b"\x81\0", b"\x88\xa8"):
        at += 4
    packet = frame[at + 2:]
    if packet[:1] == b"\x45" and packet[9:10] == b"\6":
        return packet, 20
    return packet, 40 if packet[:1] >= b"\x60" and packet[6:7] == b"\6" else None


def unshare():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "cannot make a network namespace")


def run_ip(*lines):
    for words in lines:
        subprocess.run(["ip", *words.split()], check=True)


class Stack:
    """Use in a process of its own: it changes its network namespace for good."""

    def __init__(self, routed=False):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        unshare()
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH", b"tun0", IFF_TUN | IFF_NO_PI))
        run_ip("link set lo up", "link set tun0 up")
        if routed:
            self.route()
        else:
            run_ip(f"addr add {SERVER4}/24 dev tun0", f"-6 addr add {SERVER6}/64 dev tun0 nodad")
        Path("/proc/sys/net/ipv4/tcp_max_syn_backlog").write_text("4096")
        Path("/proc/sys/net/ipv4/tcp_syncookies").write_text("0")
        self.listeners = [self.listen(socket.AF_INET, SERVER4),
                          self.listen(socket.AF_INET6, SERVER6)]
        self.conns = []
        # All IP packets in both directions since the trace was last emptied: (packet, is it the client's).
        self.trace, self.echoes = [], 0
        # The same of a case behind the guard: (index of a client's frame, None, False), then (index, packet, clients).
        self.marked = []

    def route(self):
        """This namespace becomes the router, and the process goes on in the server's."""
        near, far = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
        for family, name in (("ipv4", "ip_forward"), ("ipv6", "conf/all/forwarding")):
            Path("/proc/sys/net", family, name).write_text("1")
        run_ip(f"link add veth0 address {near} type veth peer name veth1 address {far}", "link set veth0 up",
               "addr add 192.0.2.254/32 dev tun0", f"route add {CLIENT4}/32 dev tun0",
               f"route add {SERVER4}/32 dev veth0", f"-6 route add {CLIENT6}/128 dev tun0",
               f"-6 route add {SERVER6}/128 dev veth0", f"neigh add {SERVER4} lladdr {far} dev veth0",
               f"-6 neigh add {SERVER6} lladdr {far} dev veth0")
        with open("/proc/self/ns/net", "rb") as router:
            unshare()
            subprocess.run(["nsenter", f"--net=/proc/{os.getpid()}/fd/{router.fileno()}", "ip", "link", "set",
                            "veth1", "netns", str(os.getpid())], check=True)
        run_ip("link set lo up", f"addr add {SERVER4}/24 dev veth1", "link set veth1 up",
               f"-6 addr add {SERVER6}/64 dev veth1 nodad", f"neigh add {CLIENT4} lladdr {near} dev veth1",
               f"-6 neigh add {CLIENT6} lladdr {near} dev veth1")

    @staticmethod
    def listen(family, address):
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, 80))
        listener.listen(1024)
        listener.setblocking(False)
        return listener

    def echo(self):
        """An ICMP echo request. On one CPU packets are taken in their order: when its reply is here, all that was
        sent before has been dealt with."""
        self.echoes = (self.echoes + 1) & 0xFFFF
        message = struct.pack(">BBHHH", 8, 0, 0, 0x5347, self.echoes)
        message = message[:2] + struct.pack(">H", 0xFFFF - internet_sum(message)) + message[4:]
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28, 1, 0, 64, 1, 0, socket.inet_aton(CLIENT4),
                           socket.inet_aton(SERVER4))
        return head[:10] + struct.pack(">H", 0xFFFF - internet_sum(head)) + head[12:] + message

    def answers(self):
        """What the stack has sent since the last time, once it has dealt with everything."""
        os.write(self.tun, self.echo())
        found = []
        while select.select([self.tun], [], [], ECHO_S)[0]:
            packet = os.read(self.tun, 65536)
            if packet[:1] == b"\x45" and packet[9] == 1 and packet[20] == 0:
                if struct.unpack_from(">H", packet, 26)[0] == self.echoes:
                    return found
                continue
            self.trace.append((packet, False))
            found.append(packet)
        raise TimeoutError("the stack does not answer")

    def ca_isn(self):
        """Sequence number of the SYN-ACK among the answers, or None."""
        found = None
        for packet in self.answers():
            tcp = 20 if packet[0] >> 4 == 4 else 40
            if packet[0] >> 4 == 4 and packet[9] != 6 or packet[0] >> 4 == 6 and packet[6] != 6:
                continue
            if packet[tcp + 13] & 0x12 == 0x12:
                found, = struct.unpack_from(">I", packet, tcp + 4)
        return found

    def put(self, packet, tcp, moved):
        """One packet. Returns the sequence number of a SYN-ACK to it, or None."""
        whole = tcp is not None and len(packet) >= tcp + 18
        if whole and moved is not None and packet[tcp + 13] & ACK:
            packet = bytearray(packet)
            ack, = struct.unpack_from(">I", packet, tcp + 8)
            old, = struct.unpack_from(">H", packet, tcp + 16)
            now = (ack + moved) & 0xFFFFFFFF
            struct.pack_into(">I", packet, tcp + 8, now)
            struct.pack_into(">H", packet, tcp + 16, checksum_moved(old, ack, now))
        self.trace.append((bytes(packet), True))
        with contextlib.suppress(OSError):  # what is too short, or neither IPv4 nor IPv6
            os.write(self.tun, bytes(packet))
        return self.ca_isn() if whole else None

    def delivered(self, steps, nominal_isn, held=()):
        """What the server reads, as one stream for each connection. steps: as Conn's; ACK numbers are moved from
        nominal_isn to the stack's own. held: indexes of the frames that the guard drops."""
        moved, frame = None, -1
        for step in steps:
            if isinstance(step, int):
                self.answer(step)
                continue
            frame += 1
            if frame in held:
                continue
            isn = self.put(step[1], step[2], moved)
            if isn is not None:
                moved = isn - nominal_isn
        self.answers()
        return self.finish()

    def behind_guard(self, steps, sent):
        """What the server reads of what the guard lets through: sent = [frame's index, hex of a frame], in order. The
        ACK numbers of a connection are those of a CA whose first one its first ACK tells."""
        isn = moved = None
        frame, self.marked = -1, []
        for step in steps:
            if isinstance(step, int):
                self.answer(step)
                self.mark(frame)
                continue
            frame += 1
            self.marked.append((frame, None, False))
            for packet, tcp in (ip_packet(bytes.fromhex(text)) for index, text in sent if index == frame):
                if isn is not None and tcp is not None and packet[tcp + 13] & ACK:
                    ack, = struct.unpack_from(">I", packet, tcp + 8)
                    isn, moved = None, (isn - (ack - 1)) & 0xFFFFFFFF
                found = self.put(packet, tcp, moved)
                isn = isn if found is None else found
            self.mark(frame)
        self.answers()
        self.mark(frame)
        return self.finish()

    def mark(self, frame):
        """What has gone by since the last time did so behind this frame."""
        self.marked += [(frame, packet, clients) for packet, clients in self.trace]
        self.trace.clear()

    def take(self):
        """Reads what has come, on every connection."""
        for listener in self.listeners:
            with contextlib.suppress(BlockingIOError):
                while True:
                    conn, _ = listener.accept()
                    conn.setblocking(False)
                    self.conns.append((conn, bytearray()))
        for conn, stream in self.conns:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                while piece := conn.recv(65536):
                    stream += piece

    def answer(self, size):
        self.answers()
        self.take()
        if self.conns:
            with contextlib.suppress(OSError):
                self.conns[-1][0].send(b"A" * size)
        self.answers()

    def finish(self):
        self.take()
        streams = [bytes(stream) for _, stream in self.conns]
        for conn, _ in self.conns:
            # Gone at once: nothing of this case answers in the next one.
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            conn.close()
        self.conns = []
        self.answers()
        return streams

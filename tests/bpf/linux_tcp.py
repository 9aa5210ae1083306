"""What Linux's own TCP makes of a client's packets: a stack of its own in a network namespace of this
process, fed through a TUN device, so checksums, sequence numbers and timestamps are really looked at.
"""
import ctypes
import fcntl
import os
import select
import socket
import struct
import subprocess
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
SERVER4, SERVER6 = "192.0.2.1", "2001:db8:5::1"


def checksum_moved(old, before, after):
    """RFC 1624: a wrong checksum stays as wrong as it was."""
    total = (~old & 0xFFFF) + (~before >> 16 & 0xFFFF) + (~before & 0xFFFF)
    total += (after >> 16) + (after & 0xFFFF)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Stack:
    """Use in a process of its own: it changes its network namespace for good."""

    def __init__(self):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "cannot make a network namespace")
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH", b"tun0", IFF_TUN | IFF_NO_PI))
        for words in ("link set lo up", "link set tun0 up", f"addr add {SERVER4}/24 dev tun0",
                      f"-6 addr add {SERVER6}/64 dev tun0 nodad"):
            subprocess.run(["ip", *words.split()], check=True)
        self.listeners = [self.listen(socket.AF_INET, SERVER4),
                          self.listen(socket.AF_INET6, SERVER6)]

    @staticmethod
    def listen(family, address):
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, 80))
        listener.listen(64)
        listener.setblocking(False)
        return listener

    def answers(self):
        """What the stack has sent since the last time."""
        while select.select([self.tun], [], [], 0.002)[0]:
            yield os.read(self.tun, 65536)

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

    def delivered(self, packets, nominal_isn):
        """The bytes a server reads after these packets: (IP packet, offset of its TCP header or
        None). ACK numbers are moved from nominal_isn to the stack's own."""
        moved = None
        for packet, tcp in packets:
            if tcp is not None and moved is not None:
                packet = bytearray(packet)
                ack, = struct.unpack_from(">I", packet, tcp + 8)
                old, = struct.unpack_from(">H", packet, tcp + 16)
                now = (ack + moved) & 0xFFFFFFFF
                struct.pack_into(">I", packet, tcp + 8, now)
                struct.pack_into(">H", packet, tcp + 16, checksum_moved(old, ack, now))
            os.write(self.tun, bytes(packet))
            isn = self.ca_isn()
            if moved is None and isn is not None:
                moved = isn - nominal_isn
        return self.read()

    def read(self):
        stream = b""
        time.sleep(0.005)
        for listener in self.listeners:
            while True:
                try:
                    conn, _ = listener.accept()
                except BlockingIOError:
                    break
                conn.setblocking(False)
                try:
                    while piece := conn.recv(65536):
                        stream += piece
                except (BlockingIOError, ConnectionError):
                    pass
                # Gone at once: nothing of this case answers in the next one.
                conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                conn.close()
        list(self.answers())
        return stream

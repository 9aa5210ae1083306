"""The smallest XDP program, `return XDP_PASS`, attached through the bpf() system call.

A veth whose peer transmits or redirects from native XDP needs a program of its own.
`ip link set xdp obj` would do, but iproute2 mounts a bpffs on /sys/fs/bpf for good;
this leaves nothing behind: the link ends with its file descriptor.
"""

import ctypes
import os
import platform
import socket
import struct

_BPF_PROG_LOAD, _BPF_LINK_CREATE = 5, 28
_PROG_TYPE_XDP, _ATTACH_XDP = 6, 37
_XDP_PASS = 2
_SYSCALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}

_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command, attr):
    number = _SYSCALL[platform.machine()]
    size = 128  # zero beyond what is set: fields the kernel knows and we do not use
    result = _libc.syscall(number, command, ctypes.create_string_buffer(attr, size), size)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"bpf command {command}: {os.strerror(error)}")
    return result


def _load():
    """File descriptor of the program (r0 = XDP_PASS; exit)."""
    code = struct.pack("=BBhi", 0xB7, 0, 0, _XDP_PASS) + struct.pack("=BBhi", 0x95, 0, 0, 0)
    code_buffer = ctypes.create_string_buffer(code, len(code))
    name = ctypes.create_string_buffer(b"GPL")
    attr = struct.pack("=IIQQIIQII16s", _PROG_TYPE_XDP, len(code) // 8,
                       ctypes.addressof(code_buffer), ctypes.addressof(name),
                       0, 0, 0, 0, 0, b"xdp_pass_stub")
    return _bpf(_BPF_PROG_LOAD, attr)


def attach(dev):
    """Attach to `dev` of the calling thread's network namespace; the link's descriptor.

    It stays attached until the descriptor is closed.
    """
    program = _load()
    try:
        return _bpf(_BPF_LINK_CREATE,
                    struct.pack("=IIII", program, socket.if_nametoindex(dev), _ATTACH_XDP, 0))
    finally:
        os.close(program)

"""Reads the platform's memory with process_vm_readv."""

import ctypes
import os
import re
import sys

print(sys.argv[1], flush=True)
libc = ctypes.CDLL(None, use_errno=True)


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        lines = open(f"/proc/{pid}/maps").read().splitlines()
    except OSError:
        continue
    for line in lines:
        low, high = (int(end, 16) for end in line.split()[0].split("-"))
        if int(pid) == os.getpid() or " rw-p " not in line or high - low > 64 << 20:
            continue
        buffer = ctypes.create_string_buffer(high - low)
        here, there = Vector(ctypes.addressof(buffer), high - low), Vector(low, high - low)
        libc.process_vm_readv(int(pid), ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
        for found in re.findall(rb"(?:environment|bystander)-[0-9a-f]{32}", buffer.raw):
            print(found)

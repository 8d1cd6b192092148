# SPDX-License-Identifier: Apache-2.0
"""A wire between two TAP devices of this network namespace: relay.py NAME NAME. Frames are nothing but bytes on
it: what the kernel knows of them besides (checksums to complete, segments to cut, headers within headers) does
not come through, which it does on a veth. Prints "up"."""
import fcntl
import os
import select
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
FRAME_MAX = 65536


def tap(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return fd


ends = [tap(name) for name in sys.argv[1:3]]
other = dict(zip(ends, reversed(ends)))
print("up", flush=True)
while True:
    for fd in select.select(ends, [], [])[0]:
        try:
            while True:
                os.write(other[fd], os.read(fd, FRAME_MAX))
        except OSError:
            pass  # no more to read, or the other end is down

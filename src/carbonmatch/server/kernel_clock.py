"""What the kernel says of its own clock: adjtimex(2), where there is one."""

import ctypes
import sys

from msgspec import Struct

# Of <sys/timex.h>.
_STATUS_UNSYNCHRONIZED = 0x0040
_STATUS_NANOSECONDS = 0x2000
_NS_PER_US = 1_000


class ClockStatus(Struct, frozen=True):
    synchronized: bool
    error_max_ns: int  # the kernel's own bound, which grows until somebody corrects the clock
    offset_ns: int  # what is still to be corrected


class _Timex(ctypes.Structure):
    """`struct timex`; what comes after `status` is not looked at, but written."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("error_max_us", ctypes.c_long),
        ("error_estimated_us", ctypes.c_long),
        ("status", ctypes.c_int),
        ("others", ctypes.c_long * 32),
    )


def clock_status() -> ClockStatus | None:
    """None where the kernel cannot be asked: another system, or a container that forbids it."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    timex = _Timex(modes=0)  # to ask and change nothing
    if adjtimex(ctypes.byref(timex)) < 0:
        return None
    unit_ns = 1 if timex.status & _STATUS_NANOSECONDS else _NS_PER_US
    return ClockStatus(
        not timex.status & _STATUS_UNSYNCHRONIZED,
        timex.error_max_us * _NS_PER_US,
        timex.offset * unit_ns,
    )

"""How a job is confined: Landlock for files, network and signals, resource limits, no new privileges.

Standard library only: the warden imports it in a bare interpreter. Numbers are those of the kernel's interface,
include/uapi/linux/landlock.h and prctl.h; the system calls have the same numbers on every architecture.
"""

import ctypes
import math
import os
import resource
import struct
import sys
from dataclasses import dataclass

PROCESSES_MAX = 32  # of one attempt, the command included
FILES_OPEN_MAX = 256  # per process
ADDRESS_SLACK_BYTES = 1024**3  # address space beyond the memory limit: mapped is not used, the warden counts what is
FILE_SLACK_BYTES = 1024**2  # a file may outgrow the disk limit by this, so that the warden sees it over the limit
CPU_SLACK_S = 10  # processor time beyond the wall limit before the kernel steps in
TASKS_SLACK = 512  # tasks beyond those that run now: where a fork bomb ends (the kernel exempts root)
NICE = 5  # jobs give way to the node and its wardens

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FS_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_NET_RIGHTS = 0b11  # bind and connect of TCP, from ABI 4
_SCOPES = 0b11  # abstract sockets and signals, from ABI 6

_RUN = _EXECUTE | _READ_FILE | _READ_DIR
_READ = _READ_FILE | _READ_DIR
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

# What any program needs to start; what is missing on a host is left out.
SYSTEM_RUN = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")
SYSTEM_READ = (
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/alternatives",
    "/etc/ssl/openssl.cnf",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/self",
    "/proc/stat",
    "/sys/devices/system/cpu",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
)
SYSTEM_WRITE = ("/dev/null",)


class SandboxError(OSError):
    """The kernel did not do what was asked for a job's confinement."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a job may touch besides the system's own files: to run, and to read and write."""

    run: tuple[str, ...]
    write: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one attempt."""

    memory_bytes: int
    disk_bytes: int
    time_s: float


def landlock_abi() -> int:
    """Return the Landlock version of this kernel, 0 when there is none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))))


def level(abi: int) -> str:
    """Return the name of the confinement that this ABI gives."""
    return f"landlock-{abi}" if abi > 0 else "rlimits"


def interpreter_paths() -> tuple[str, ...]:
    """Return where this interpreter and its packages lie: what a Python job must be able to read and run."""
    packages = [path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages")]
    real = os.path.dirname(os.path.dirname(os.path.realpath(sys.executable)))
    found = [sys.prefix, sys.base_prefix, sys.exec_prefix, real, *packages]
    return tuple(path for path in dict.fromkeys(map(os.path.abspath, found)) if path != "/" and os.path.isdir(path))


def become_subreaper(death_signal: int) -> None:
    """Adopt whatever descendants lose their parent, and hear `death_signal` when our own parent is gone."""
    if sys.platform == "linux":
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        _prctl(_PR_SET_PDEATHSIG, death_signal)


def confine(grant: Grant, limits: Limits, abi: int, death_signal: int) -> None:
    """Confine this process and all that it will start. There is no way back.

    Raises:
        SandboxError: the kernel refused; the process must not go on.
    """
    _limit(limits)
    os.nice(NICE)
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, death_signal)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if abi > 0:
        _landlock(grant, abi)


def _limit(limits: Limits) -> None:
    cpu_s = math.ceil(limits.time_s * (os.cpu_count() or 1)) + CPU_SLACK_S
    wanted = {
        resource.RLIMIT_AS: limits.memory_bytes + ADDRESS_SLACK_BYTES,
        resource.RLIMIT_FSIZE: limits.disk_bytes + FILE_SLACK_BYTES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: FILES_OPEN_MAX,
        resource.RLIMIT_CPU: cpu_s,
    }
    tasks = _tasks_now()
    if tasks is not None:
        wanted[resource.RLIMIT_NPROC] = tasks + TASKS_SLACK
    for what, most in wanted.items():
        hard = resource.getrlimit(what)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (bound, bound))


def _tasks_now() -> int | None:
    try:
        with open("/proc/loadavg", encoding="ascii") as file:
            return int(file.read().split()[3].split("/")[1])
    except (OSError, ValueError, IndexError):
        return None


def _landlock(grant: Grant, abi: int) -> None:
    handled = _FS_RIGHTS[min(abi, max(_FS_RIGHTS))]
    attributes = struct.pack("=Q", handled)
    if abi >= 4:
        attributes += struct.pack("=Q", _NET_RIGHTS)
    if abi >= 6:
        attributes += struct.pack("=Q", _SCOPES)
    ruleset = _syscall("create_ruleset", _CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    write = handled & ~(_MAKE_CHAR | _MAKE_BLOCK | _EXECUTE)
    for paths, rights in (
        ((*SYSTEM_RUN, *grant.run), _RUN),
        (SYSTEM_READ, _READ),
        (SYSTEM_WRITE, _READ_FILE | _WRITE_FILE | _TRUNCATE),
        (grant.write, write),
    ):
        for path in paths:
            _allow(ruleset, path, rights & handled)
    _syscall("restrict_self", _RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _ON_FILES
        rule = struct.pack("=Qi", rights, handle)
        _syscall(f"add_rule {path}", _ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(handle)


def _syscall(what: str, number: int, *arguments: object) -> int:
    result = int(_libc().syscall(number, *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise SandboxError(code, f"Landlock {what}: {os.strerror(code)}")
    return result


def _prctl(option: int, value: int) -> None:
    if _libc().prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise SandboxError(code, f"prctl {option}: {os.strerror(code)}")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)

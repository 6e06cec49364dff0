"""How a warden is started: what it is told, and what its job finds in its environment."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from node.adapters import sandbox
from node.adapters.job_directory import WRITE_DIRS
from node.ports.runner import JobStart

_PASSED_ON = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # some processors need them
_LAUNCH = "import sys; sys.path.append(sys.argv[1]); from node.adapters.warden import main; main(sys.argv[2:])"
_ROOT = Path(__file__).resolve().parents[2]
_PYTHONS = ("python3", "python")


async def launch(
    order: JobStart, path: Path, landlock_abi: int
) -> tuple[asyncio.subprocess.Process, asyncio.StreamReader]:
    """Start the warden of an attempt, in a session of its own and a bare interpreter; return it and its report pipe.

    The job's output and errors come through the warden's. Its standard input stays open while we live.
    """
    config = path / "warden.json"
    config.write_text(json.dumps(_warden_config(order, path, landlock_abi)), encoding="utf-8")
    report_end, warden_end = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-B", "-c", _LAUNCH, str(_ROOT), str(config), str(warden_end)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=(warden_end,),
            start_new_session=True,
            env={"PATH": _path()},
        )
    except OSError:
        os.close(report_end)
        raise
    finally:
        os.close(warden_end)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(report_end, "rb"))
    return process, reader


def _warden_config(order: JobStart, path: Path, landlock_abi: int) -> dict[str, Any]:
    spec = order.spec
    first, *rest = spec.command
    return {
        "node_pid": os.getpid(),
        "attempt_dir": str(path),
        "input_dir": str(path / "input"),
        "write_dirs": [str(path / name) for name in WRITE_DIRS],
        "run_paths": list(sandbox.interpreter_paths()),
        "command": [sys.executable if first in _PYTHONS else first, *rest],
        "environment": _environment(spec.job_id, order.attempt, path),
        "memory_mb": spec.memory_mb,
        "disk_mb": spec.disk_mb,
        "time_limit_s": spec.time_limit_s,
        "grace_s": spec.grace_s,
        "landlock_abi": landlock_abi,
    }


def _environment(job_id: str, attempt: int, path: Path) -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed_on | {
        "DAWNLINE_JOB_ID": job_id,
        "DAWNLINE_ATTEMPT": str(attempt),
        "DAWNLINE_INPUT_DIR": str(path / "input"),
        "DAWNLINE_OUTPUT_DIR": str(path / "output"),
        "DAWNLINE_CHECKPOINT_DIR": str(path / "checkpoint"),
        "PATH": _path(),
        "HOME": str(path / "tmp"),
        "TMPDIR": str(path / "tmp"),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _path() -> str:
    return os.pathsep.join((os.path.dirname(sys.executable), "/usr/local/bin", "/usr/bin", "/bin"))

"""`python -m node --config FILE`: one node as a process.

Exit codes: 0 stopped in order; 2 the configuration cannot be used; 71 the node asks for a reset, which whoever
supervises it executes by starting it again.
"""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from node.config import ConfigError, NodeConfig, load_config
from node.flight import fly

EXIT_STOPPED = 0
EXIT_BAD_CONFIG = 2
EXIT_RESET = 71  # EX_OSERR of sysexits.h, the nearest there is


def main() -> int:
    """Run a node until a signal ends it, and return the exit code."""
    parser = argparse.ArgumentParser(prog="node", description="The onboard runtime of one satellite.")
    parser.add_argument("--config", type=Path, required=True, help="configuration file (JSON)")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        config = load_config(arguments.config)
        print("node loaded", flush=True)  # what follows waits for the time authority
        reset = asyncio.run(_until_signal(config))
    except ConfigError as error:
        print(f"node: {error}", file=sys.stderr)
        return EXIT_BAD_CONFIG
    return EXIT_RESET if reset else EXIT_STOPPED


async def _until_signal(config: NodeConfig) -> bool:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return await fly(config, stop, on_ready=lambda: print("node ready", flush=True))


if __name__ == "__main__":
    sys.exit(main())

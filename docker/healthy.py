"""Whether the program of this container works: exit code 0 or 1. Standard library alone; run by HEALTHCHECK.

The ground answers HTTP. A node and the simulator have nothing to ask, so they are healthy while they hold a connection
to the broker (the node's avionics bus, which geometry never cuts).
"""

import http.client
import os
import sys
from pathlib import Path

BROKER_PORT = 1883
HTTP_PORT = 8460
ANSWER_WALL_S = 3.0
ESTABLISHED = "01"  # Linux, include/net/tcp_states.h


def answers_http() -> bool:
    """Return whether the console's front page is served."""
    connection = http.client.HTTPConnection("127.0.0.1", HTTP_PORT, timeout=ANSWER_WALL_S)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except OSError:
        return False
    finally:
        connection.close()


def holds_broker_connection(tables: tuple[Path, ...] = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))) -> bool:
    """Return whether a connection to the broker's port is established (proc(5), /proc/net/tcp)."""
    for table in tables:
        if not table.exists():
            continue
        for row in table.read_text().splitlines()[1:]:
            columns = row.split()
            if columns[3] == ESTABLISHED and int(columns[2].rpartition(":")[2], 16) == BROKER_PORT:
                return True
    return False


if __name__ == "__main__":
    sys.exit(0 if (answers_http() if os.environ.get("PROGRAM") == "ground" else holds_broker_connection()) else 1)

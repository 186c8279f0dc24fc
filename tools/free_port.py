"""Say at once that a port is taken: MLflow reports it in the middle of its log, and ends with status 0.

Run     python -m tools.free_port PORT
"""

import socket
import sys


def main(port: str) -> int:
    """0 if a server may listen on the port of 127.0.0.1, or 1 with one line that says why not."""
    if not port.isdigit() or not 0 < int(port) < 65_536:
        print(f"expected the number of a port, 1 to 65535, got {port}: make ui PORT=5001", file=sys.stderr)
        return 1
    try:
        with socket.socket() as listener:
            listener.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # as servers do: not only just left by another
            listener.bind(("127.0.0.1", int(port)))
    except OSError as error:
        print(
            f"port {port} of 127.0.0.1: {error.strerror or error}. If MLflow runs already, open http://127.0.0.1:{port}; "
            "otherwise take another port: make ui PORT=5001",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))

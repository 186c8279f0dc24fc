"""The two places where people compare experiments, MLflow's UI and the page of `dvc plots`, driven in headless Chromium.

Shared by the tests and by `python -m tests.behaviour.screenshots`. Nothing leaves this machine while a page is open: the few scripts that
the page of `dvc plots` asks its host for are put in from npm, in exactly the versions that it names; the page itself stays as DVC wrote it.
"""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Browser, Page, Route, sync_playwright

from textlstm.core.files import atomic
from textlstm.data.download import cache_folder

ROOT = Path(__file__).resolve().parents[2]
STATE = ("dvc.lock", "dvc.yaml", "params.yaml", "metrics")  # what a pipeline has produced, as far as it is in git
_OPTIONS = (
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
)
_VISIT = """
    localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true");  // the chat panel would cover a third of the page
    let embed; window.drawing = [];
    Object.defineProperty(window, "vegaEmbed", {
        set: (given) => { embed = given; },
        get: () => (place, spec) => { const result = embed(place, spec); window.drawing.push({place, result}); return result; },
    });
"""
_DRAWN = """async () => Promise.all(window.drawing.map(async ({place, result}) => {
    const {view, spec} = await result;
    const below = (group, x, y, side) => group.items.flatMap((mark) => mark.items.flatMap((item) => {
        const here = {mark, item, side: item.orient || side, x: x + (item.x || 0), y: y + (item.y || 0)};
        return mark.marktype === "group" ? [here, ...below(item, here.x, here.y, here.side)] : [here];
    }));
    const text = (nodes) => nodes.filter(({mark}) => mark.role === "title-text").map(({item}) => item.text).join();
    const root = {item: view.scenegraph().root.items[0], x: 0, y: 0};
    const all = below(root.item, 0, 0);
    const headings = (cell) => {
        const within = ({x, y, item}) => below(item, x, y);
        const facet = spec.facet || {};
        const beside = (name, start, size) => {
            const middle = cell[start] + cell.item[size] / 2;
            const there = ({mark, item, ...at}) => at[start] <= middle && middle <= at[start] + item[size];
            return text(all.filter(({mark}) => mark.name === name).filter(there).flatMap(within));
        };
        const found = facet.field ? [[facet, text(within(cell))]] : [];
        if (facet.row) found.push([facet.row, beside("row_header", "y", "height")]);
        if (facet.column) found.push([facet.column, beside("column_header", "x", "width")]);
        return Object.fromEntries(found.map(([{field}, heading]) => [field, heading]));
    };
    const seen = ({mark, item, x, y}) => mark.role === "mark" && mark.marktype !== "group" && item.defined !== false
        && item.opacity !== 0 && [x, y, item.width || 0, item.height || 0].every(Number.isFinite);
    const cells = all.filter(({mark}) => mark.name === "cell");
    const canvas = document.querySelector(`${place} canvas`);
    const size = [canvas.width, canvas.height];
    const pixels = Math.min(...size) ? canvas.getContext("2d").getImageData(0, 0, ...size).data : new Uint8Array();
    return {
        title: spec.title ? spec.title.text : place,  // a file that is missing is a plot of nothing
        panels: (cells.length ? cells : [root]).map((cell) => ({
            headings: headings(cell),
            marks: below(cell.item, cell.x, cell.y).filter(seen).map(({mark, item, x, y}) => ({
                type: mark.marktype,
                row: item.datum,
                text: item.text,
                x: [x, x + ("x2" in item ? item.x2 - item.x : item.width || 0)],
                y: [y, y + ("y2" in item ? item.y2 - item.y : item.height || 0)],
            })),
        })),
        axes: all.filter(({mark}) => mark.role === "axis-label").map(({side, item}) => [side, item.text]),
        texts: all.filter(({mark}) => mark.marktype === "text").map(({item}) => item.text),
        height: canvas.clientHeight,
        colours: new Set(new Uint32Array(pixels.buffer)).size,
    };
}))"""
_METRICS = """(section) => {
    const [names, values] = section.querySelectorAll("[role=grid]");
    const cells = (grid) => [...grid.querySelectorAll("[style*=absolute]")]
        .map((cell) => ({top: parseFloat(cell.style.top), left: parseFloat(cell.style.left), text: cell.innerText.trim()}));
    const beside = (top) => cells(values).filter((cell) => cell.top === top).sort((a, b) => a.left - b.left).map((cell) => cell.text);
    return Object.fromEntries(cells(names).map(({top, text}) => [text, beside(top)]));
}"""


class NoBrowserError(Exception):
    """Something that a browser test needs is not on this machine; the message says what, and how to get it."""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The Chromium that the operating system has installed."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise NoBrowserError("no Chromium on the PATH: install it (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=[f"--{option}" for option in (*_OPTIONS, "disable-sync")]
        )
        yield browser
        browser.close()


@contextlib.contextmanager
def try_out() -> Iterator[str]:
    """The server of `textlstm page` with the trained models, on a free port; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "textlstm", "page", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or str(port) not in process.stdout.readline():
                raise RuntimeError("textlstm page: expected it to say where it listens")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


class Visit:
    """One window of the browser. What it asks other machines for is answered from `scripts`, or refused and noted in `outside`."""

    def __init__(self, browser: Browser, scripts: dict[str, Path] | None = None, height: int = 900):
        self.outside: list[str] = []
        self._scripts = scripts or {}
        self.page: Page = browser.new_page(viewport={"width": 1280, "height": height})
        self.page.set_default_timeout(60_000)
        self.page.add_init_script(_VISIT)
        self.page.route(re.compile(r"^(https:|http://(?!127\.0\.0\.1))"), self._answer)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Save what can be seen, or the whole page, as a PNG."""
        self.page.wait_for_timeout(500)  # let animations end
        self.page.screenshot(path=path, full_page=whole)

    def _answer(self, route: Route) -> None:
        if route.request.url in self._scripts:
            route.fulfill(path=self._scripts[route.request.url], content_type="text/javascript; charset=utf-8")
        else:
            self.outside.append(route.request.url)
            route.abort()


class MlflowPages(Visit):
    """What a person does in MLflow's UI to find out which of two runs is better, and why."""

    def __init__(self, browser: Browser, address: str, height: int = 900):
        super().__init__(browser, height=height)
        self.address = address

    def open_experiment(self, name: str) -> None:
        """From the list of experiments to the table of runs of one of them."""
        self.page.goto(f"{self.address}/#/experiments")
        self.page.get_by_text("Model training", exact=True).click()
        self.page.get_by_role("link", name=name, exact=True).click()
        self.page.get_by_text("matching run").wait_for()

    def runs(self) -> set[str]:
        """The names of the runs in the table."""
        links = self.page.get_by_role("row").locator("a[href*='/runs/']")
        links.first.wait_for()
        return {text.strip() for text in links.all_inner_texts()}

    def show_columns(self, show: list[str], hide: list[str]) -> None:
        """Choose columns of the table of runs."""
        self.page.get_by_role("button", name="Columns", exact=True).click()
        for name in (*hide, *show):
            self.page.get_by_placeholder("Search columns").fill(name)
            row = self.page.locator("[class*=tree-treenode]").filter(has=self.page.get_by_text(name, exact=True))
            row.locator("[class*=tree-checkbox]").first.click()
        self.page.keyboard.press("Escape")

    def compare(self, *names: str) -> None:
        """Select runs in the table and open the page that compares them, with only what differs."""
        for name in names:
            row = self.page.get_by_role("row").filter(has=self.page.get_by_role("link", name=name, exact=True)).first
            row.get_by_role("checkbox", name="toggle row").check()
        self.page.get_by_role("button", name="Compare").click()
        for section in ("Parameters", "Metrics", "Tags"):
            self.page.get_by_role("switch", name=f"{section} - Show diff only").click()

    def compared_runs(self) -> list[str]:
        """The names of the compared runs, in the order of the columns."""
        row = self.page.get_by_role("row").filter(has_text="Run Name:")
        return [text.strip() for text in row.get_by_role("cell").all_inner_texts() if text.strip() != "Run Name:"]

    def parameters(self) -> dict[str, list[str]]:
        """The parameters that the page of comparison shows: name, and a value for each run."""
        section = self._section("Parameters")
        rows = [row.inner_text().split("\t") for row in section.locator("table tr").all()]
        return {name.strip(): [value.strip() for value in values] for name, *values in rows}

    def metrics(self) -> dict[str, list[str]]:
        """The metrics that the page of comparison shows."""
        found: dict[str, list[str]] = self._section("Metrics").evaluate(_METRICS)
        return found

    def fold(self, heading: str) -> None:
        """Close a part of the page of comparison."""
        self.page.get_by_role("button", name=heading).click()

    def open_picture(self, run: str, folder: str, name: str) -> int:
        """Open a picture among the artifacts of a run of the table; its width in pixels once it is there, 0 if it is broken."""
        self.page.get_by_role("link", name=run, exact=True).click()
        self.page.get_by_role("tab", name="Artifacts").click()
        self.page.get_by_text(folder, exact=True).click()
        self.page.get_by_text(name, exact=True).click()
        image = self.page.get_by_role("img", name=f"{folder}/{name}")
        image.wait_for()
        width: int = image.evaluate("(image) => image.decode().then(() => image.naturalWidth, () => 0)")
        return width

    def _section(self, name: str) -> Any:
        switch = self.page.get_by_role("switch", name=f"{name} - Show diff only")
        return self.page.locator("[class*=collapse-content-box]").filter(has=switch)


class PlotsPage(Visit):
    """The page that `dvc plots show` and `dvc plots diff` write."""

    def __init__(self, browser: Browser, path: Path, height: int = 900):
        super().__init__(browser, page_scripts(path.read_text(encoding="utf-8")), height)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(path.as_uri())

    def drawn(self) -> dict[str, dict[str, Any]]:
        """What has been drawn, by title.

        panels: of each, the headings that stand above or beside it, by the field that they name, and the marks: type,
        row of data, text, and from which pixel to which. axes: side and text of each label. texts: all of them.
        height: in pixels. colours: how many there are on the canvas.
        """
        return {plot["title"]: plot for plot in self.page.evaluate(_DRAWN)}

    def height(self) -> int:
        """Of the whole page, in pixels."""
        pixels: int = self.page.evaluate("document.documentElement.scrollHeight")
        return pixels


def page_scripts(html: str) -> dict[str, Path]:
    """The scripts that a page asks a host of npm packages for, as files: fetched once by npm, then kept in the cache folder."""
    return {
        url: npm_script(name, version)
        for url, name, version in re.findall(r'src="(https://[^"]*/npm/([\w-]+)@([\w.]+))"', html)
    }


def npm_script(name: str, version: str) -> Path:
    """The script of an npm package, as a file."""
    place = cache_folder() / "scripts" / f"{name}-{version}.js"
    if place.is_file():
        return place
    if shutil.which("npm") is None:
        raise NoBrowserError(
            f"{place}: no such file, and no npm on the PATH to fetch {name}@{version} with: install it (Debian: npm)"
        )
    with tempfile.TemporaryDirectory(prefix="textlstm-") as folder:
        done = subprocess.run(
            ["npm", "pack", f"{name}@{version}"], cwd=folder, capture_output=True, text=True, check=False
        )
        packed = next(Path(folder).glob("*.tgz"), None)
        if done.returncode or packed is None:
            raise NoBrowserError(f"{name}@{version}: npm cannot fetch it: {done.stderr.strip()[-500:]}")
        with tarfile.open(packed) as archive:
            about = json.load(io.TextIOWrapper(_member(archive, "package.json")))
            script = _member(archive, about.get("jsdelivr") or about["main"]).read()
    place.parent.mkdir(parents=True, exist_ok=True)
    with atomic(place) as partial:
        partial.write_bytes(script)
    return place


def _member(archive: tarfile.TarFile, name: str) -> Any:
    return archive.extractfile(f"package/{name}")


def dvc(*words: str, folder: Path = ROOT) -> str:
    """Run DVC in a folder; its standard output."""
    return _run([sys.executable, "-m", "dvc", *words], folder)


def git(*words: str, folder: Path = ROOT) -> str:
    """Run git in a folder; its standard output."""
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    return _run(["git", *who, *words], folder)


def copy_state(folder: Path) -> None:
    """Copy what the pipeline has produced from the working tree into a folder."""
    copy_files(folder, *STATE)


def copy_files(folder: Path, *names: str) -> None:
    """Copy files and folders from the working tree into a folder."""
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, dirs_exist_ok=True)
        else:
            shutil.copy(ROOT / name, target)


def export_state(revision: str, folder: Path) -> bool:
    """The same, from a revision: a commit, or the name of a DVC experiment. Says whether it was an experiment."""
    experiment = git("for-each-ref", "--format=%(objectname)", f"refs/exps/*/*/{revision}").split()
    archive = subprocess.run(
        ["git", "archive", *(experiment or [revision])[:1], *STATE], cwd=ROOT, capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as members:
        members.extractall(folder, filter="data")
    return bool(experiment)


def track(state: Path, root: Path, experiment: str = "") -> None:
    """Track a state in the store of a repository's root, with the environment that DVC gives to the stage."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "MLFLOW_"))}
    environment |= {"DVC_ROOT": str(root), "DVC_STAGE": "track", "PYTHONPATH": str(ROOT)}
    if experiment:
        environment["DVC_EXP_NAME"] = experiment
    _run([sys.executable, "-m", "stages.track"], state, environment)


@contextlib.contextmanager
def mlflow_server(root: Path) -> Iterator[str]:
    """MLflow's server over the store of a repository's root; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{root / 'mlflow.db'}"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    log = root / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=root, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            _wait_until_up(server, address, log)
            yield address
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)  # the server and its worker: a session of their own
            server.wait()


def _wait_until_up(server: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    for _ in range(240):
        if server.poll() is not None:
            break
        with contextlib.suppress(requests.exceptions.RequestException):
            if requests.get(f"{address}/health", timeout=5).ok:
                return
        time.sleep(0.5)
    raise RuntimeError(
        f"mlflow server at {address}: expected an answer, got none. It said:\n{log.read_text(errors='replace')[-2000:]}"
    )


def _run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout

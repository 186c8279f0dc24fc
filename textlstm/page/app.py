"""The server of the page. Everything that it shows comes from this process: no script, style or font from elsewhere.

Pages are made here, in HTML; without scripts they are plain forms. With scripts, a form is sent while one types, and its
answer, the part of the page with the id `answer`, is replaced. Programs ask for JSON under `/api/`.
"""

import asyncio
import contextlib
import functools
import multiprocessing
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import find_models
from textlstm.detection.detector import Detector, load_detector
from textlstm.evaluation.sampling import sample
from textlstm.language.lstm import LanguageModel
from textlstm.loading import load_classifier
from textlstm.page import analysis, results
from textlstm.page.files import MOST, Scoring, read_form
from textlstm.score.run import end_with_parent
from textlstm.sentiment.classifier import SentimentClassifier

try:
    import uvicorn
    from fastapi import FastAPI, HTTPException, Query, Request, Response
    from fastapi import Path as InPath
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse
    from fastapi.staticfiles import StaticFiles
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from pydantic import BaseModel, Field
    from starlette.exceptions import HTTPException as StarletteHTTPException
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
except ModuleNotFoundError as error:
    raise TextLSTMError(
        f"the page needs the package {error.name}. Install it: python -m pip install 'textlstm[page]'"
    ) from None

_CARD = Path("MODEL_CARD.md")
_LOCAL = ("127.0.0.1", "localhost", "[::1]")
LONGEST = 5000  # characters of a text
TEXTS = 1000  # of one question in JSON
_BODY = 2_000_000  # bytes of one, but for files
_SECONDS = 30.0  # in which the body of a request has to come
_EXAMPLES = (
    "la liberté",
    "a constitution",
    "liberty and justice",
    "He said bonjour, then left",
    "I was told that la vie est belle and I believed it",
    "i really liked the movie and had fun",
    "not worth the ticket",
    "guten Morgen, wie geht es dir",
    "nation",
)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Threshold = Annotated[float | None, Query(ge=0.0, le=1.0)]


class Question(BaseModel):
    """Texts to be answered."""

    texts: list[Annotated[str, Field(max_length=LONGEST)]] = Field(max_length=TEXTS)
    languages: list[str] | None = Field(None, description="the candidates; by default all")
    threshold: float | None = Field(None, ge=0.0, le=1.0, description="least probability that is answered")


class Language(BaseModel):
    """The answer for one text; fields as in `textlstm ask --json`."""

    language: str | None
    reason: str | None
    margin: float | None
    language_probability: float | None


class Sentiment(BaseModel):
    """The answer for one text; fields as in `textlstm ask --json`."""

    sentiment: str | None
    sentiment_reason: str | None
    positive_probability: float | None


class Span(BaseModel):
    """A part of a text in one language, from the character `begin` to before the character `end`."""

    begin: int
    end: int
    language: str | None
    probability: float | None


@dataclass(frozen=True)
class Bounded:
    """Refuses what is too large, or too slow to come, and gives every answer the headers."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = MOST + 10_000 if scope["path"] == "/file" else _BODY
        read, began = 0, asyncio.get_running_loop().time()

        async def bounded() -> Message:
            nonlocal read
            left = began + _SECONDS - asyncio.get_running_loop().time()
            message = await (asyncio.wait_for(receive(), max(left, 0.0)) if read >= 0 else receive())
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > limit:
                    raise HTTPException(413, f"expected at most {limit:,} bytes, got more")
                if not message.get("more_body"):
                    read = -1  # what follows is only that the client goes
            return message

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    *((name.lower().encode(), value.encode()) for name, value in _HEADERS.items()),
                ]
            await send(message)

        try:
            await self.app(scope, bounded, with_headers)
        except TimeoutError:
            await PlainTextResponse(f"expected the request within {_SECONDS:.0f} seconds\n", 408)(
                scope, receive, with_headers
            )


class Worker(NamedTuple):
    """What a process that answers has loaded."""

    folder: Path
    detector: Detector
    classifier: SentimentClassifier
    pages: Environment

    def page(self, name: str, *, part: bool = False, **values: Any) -> str:
        """A page, or of it the answer alone."""
        template = self.pages.get_template(f"{name}.html")
        if part:
            return "".join(template.blocks["answer"](template.new_context(values)))
        return template.render(tab=name, **values)

    def text(self, text: str, chosen: list[str], threshold: float, *, part: bool) -> str:
        """The page of a text."""
        asked, problem = bool(text.strip()), "" if len(chosen) > 1 else "Choose two languages or more."
        return self.page(
            "text",
            part=part,
            text=text,
            candidates=self.detector.languages,
            chosen=chosen,
            threshold=threshold,
            examples=_EXAMPLES,
            longest=LONGEST,
            problem=problem,
            language=analysis.language_view(self.detector, text, chosen, threshold) if asked and not problem else None,
            sentiment=analysis.sentiment_view(self.classifier, text) if asked else None,
        )

    def learnt(self, text: str, temperature: float, seed: int, places: dict[str, float], *, part: bool) -> str:
        """The page of what the models have learnt."""
        candidates = self.detector.languages
        texts = {
            name: sample(LanguageModel.load(place), [temperature], length=120, seed=seed)[0]
            for name in candidates
            if (place := self.folder / paths.language_model(name).relative_to(paths.MODELS)).exists()
        }
        tasks = []
        for task, at in places.items():
            drawn, confusion = results.roc(task), results.confusion(task)
            if drawn and confusion.rows:
                tasks.append((task, at, drawn, confusion, results.operating(drawn[0], at, confusion)))
        curves, epochs, top = results.learning_curves([*candidates, "imdb"])
        return self.page(
            "learnt",
            part=part,
            text=text,
            temperature=temperature,
            seed=seed,
            samples=texts,
            view=analysis.language_view(self.detector, text, None, None) if text.strip() else None,
            curves=curves,
            epochs=epochs,
            top=top,
            tasks=tasks,
            about=results.about(self.folder),
            card=_CARD.exists(),
        )

    def languages(self, question: Question) -> list[Language]:
        """See `POST /api/language`."""
        found = self.detector.predict(question.texts, languages=question.languages, threshold=question.threshold)
        return [
            Language(language=one.language, reason=one.reason, margin=one.margin, language_probability=one.probability)
            for one in found
        ]

    def sentiments(self, question: Question) -> list[Sentiment]:
        """See `POST /api/sentiment`."""
        found = self.classifier.predict(question.texts, threshold=question.threshold)
        return [
            Sentiment(sentiment=one.sentiment, sentiment_reason=one.reason, positive_probability=one.probability)
            for one in found
        ]

    def spans(self, question: Question) -> list[list[Span]]:
        """See `POST /api/spans`."""
        found = self.detector.spans(question.texts, languages=question.languages)
        return [[Span(**span._asdict()) for span in of_text] for of_text in found]


@functools.lru_cache(maxsize=1)
def load_worker(folder: Path) -> Worker:
    """The models of a folder, loaded once per process; a missing or broken one is a TextLSTMError."""
    pages = Environment(
        loader=PackageLoader("textlstm.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"level": analysis.level_of}
    worker = Worker(folder, load_detector(folder), load_classifier(folder), pages)
    worker.detector.predict(["ready"])
    worker.classifier.predict(["ready"])
    return worker


def _begin_worker(folder: Path) -> None:
    end_with_parent()
    load_worker(folder)


def _ask(folder: Path, what: str, words: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """In a process that answers: call a method of the `Worker`."""
    return getattr(load_worker(folder), what)(*words, **options)


def make_app(models: Path | None = None, hosts: Sequence[str] = _LOCAL, *, jobs: int = 1) -> FastAPI:
    """The server's application.

    Args:
        models: folder of the trained models; by default those of the installed wheel, or else `models`.
        hosts: the names under which it may be asked, against pages elsewhere that have their own name lead here.
        jobs: processes that answer.

    Raises:
        TextLSTMError: a model is missing or broken.
    """
    folder = find_models(models, paths.DETECTION_SETTINGS, paths.SENTIMENT_SETTINGS).absolute()
    own = load_worker(folder)  # what is missing is told here
    detector, page = own.detector, own.page
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin_worker, (folder,))
    temporary = tempfile.TemporaryDirectory(prefix="textlstm-page-")
    scoring = Scoring(Path(temporary.name), folder)

    async def ask(what: str, *words: Any, **options: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(pool, _ask, folder, what, words, options)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.gather(*(ask("page", "error", message="") for _ in range(2 * jobs)))  # all have loaded the models
        yield
        pool.shutdown(cancel_futures=True)
        scoring.close()
        temporary.cleanup()

    app = FastAPI(
        title="textlstm", version=results.about(folder)["version"], docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*hosts])
    app.add_middleware(Bounded)
    app.mount("/static", StaticFiles(packages=[("textlstm.page", "static")]))

    @app.exception_handler(StarletteHTTPException)
    async def refused(request: Request, error: StarletteHTTPException) -> Response:
        return _refusal(request, error.status_code, str(error.detail))

    @app.exception_handler(TextLSTMError)
    async def wrong(request: Request, error: TextLSTMError) -> Response:
        return _refusal(request, 422, str(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        said = "; ".join(f"{'.'.join(map(str, one['loc'][1:])) or 'the body'}: {one['msg']}" for one in error.errors())
        return _refusal(request, 422, said)

    def _refusal(request: Request, status: int, message: str) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": message}, status)
        return HTMLResponse(page("error", message=message), status)

    @app.middleware("http")
    async def from_here(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        """A form that another site sends is refused."""
        origin = request.headers.get("origin")
        if request.method == "POST" and origin and origin.partition("://")[2] != request.headers.get("host"):
            return _refusal(request, 403, f"expected a form of this page, got one of {origin}")
        return await call(request)

    candidates = list(detector.languages)

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def text(
        text: Annotated[str, Query(max_length=LONGEST)] = "",
        language: Annotated[list[str] | None, Query()] = None,
        threshold: Threshold = None,
        part: str = "",
    ) -> str:
        least = detector.threshold if threshold is None else threshold
        return str(await ask("text", text, language or candidates, least, part=part == "answer"))

    @app.get("/file", response_class=HTMLResponse, include_in_schema=False)
    async def file() -> str:
        return page("file", most=MOST // 1_000_000)

    @app.post("/file", include_in_schema=False)
    async def upload(request: Request) -> Response:
        sent = read_form(await request.body(), request.headers.get("content-type", ""))
        column, only = sent.fields.get("column", "").strip(), sent.fields.get("only", "")
        options = [f"--column={column}"] if column else []
        options += [f"--only={only}"] if only in ("language", "sentiment") else []
        number = await asyncio.to_thread(scoring.start, sent, sent.fields.get("output", ""), options)
        return RedirectResponse(f"/file/{number}", 303)

    @app.get("/file/{number}", response_class=HTMLResponse, include_in_schema=False)
    async def progress(number: Annotated[str, InPath(pattern="^[0-9a-f]{32}$")], part: str = "") -> str:
        found = scoring.progress(number)
        if found is None:
            raise HTTPException(404, "there is no such file here any more: answers are kept for an hour")
        return page("progress", part=part == "answer", progress=found, number=number)

    @app.get("/file/{number}/answers", include_in_schema=False)
    async def answers(number: Annotated[str, InPath(pattern="^[0-9a-f]{32}$")]) -> Response:
        found = scoring.progress(number)
        if found is None or found.state != "done":
            raise HTTPException(404, "there are no answers of this file: it is not done, or an hour has passed")
        return FileResponse(found.output, filename=found.output.name, media_type="application/octet-stream")

    @app.get("/learnt", response_class=HTMLResponse, include_in_schema=False)
    async def learnt(
        text: Annotated[str, Query(max_length=200)] = "la liberté",
        temperature: Annotated[float, Query(ge=0.1, le=2.0)] = 0.8,
        seed: Annotated[int, Query(ge=0, le=10**6)] = 1,
        language: Annotated[float, Query(ge=0.0, le=1.0)] = 0.5,
        imdb: Annotated[float, Query(ge=0.0, le=1.0)] = 0.5,
        part: str = "",
    ) -> str:
        places = {"language": language, "imdb": imdb}
        return str(await ask("learnt", text, temperature, seed, places, part=part == "answer"))

    @app.get("/card", response_class=HTMLResponse, include_in_schema=False)
    async def card() -> str:
        if not _CARD.exists():
            raise HTTPException(404, "the model card is in the checkout that the models were trained in, not here")
        return page("card", content=_CARD.read_text(encoding="utf-8"))

    @app.get("/api", response_class=HTMLResponse, include_in_schema=False)
    async def api() -> str:
        return page("api", schema=app.openapi(), longest=LONGEST, texts=TEXTS)

    @app.post("/api/language")
    async def language(question: Question) -> list[Language]:
        """The language of each text, or the reason why there is none."""
        return list(await ask("languages", question))

    @app.post("/api/sentiment")
    async def sentiment(question: Question) -> list[Sentiment]:
        """The sentiment of each text, or the reason why there is none; `languages` has no effect."""
        return list(await ask("sentiments", question))

    @app.post("/api/spans")
    async def spans(question: Question) -> list[list[Span]]:
        """Which parts of each text are in which language; `threshold` has no effect."""
        return list(await ask("spans", question))

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Whether the server answers."""
        return {"status": "ok", "version": app.version}

    return app


def serve(host: str, port: int, models: Path | None, jobs: int) -> None:
    """Serve the page until Ctrl-C.

    Raises:
        TextLSTMError: a model is missing or broken.
    """
    local = host in ("127.0.0.1", "localhost", "::1")
    app = make_app(models, _LOCAL if local else ("*",), jobs=jobs)
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise TextLSTMError(
            f"{host}:{port}: cannot listen there ({error.strerror or error}). Give another port: textlstm page --port {port + 1}"
        ) from None
    print(f"textlstm: http://{host}:{port}, until Ctrl-C", flush=True)
    config = uvicorn.Config(app, log_level="warning", access_log=False, limit_concurrency=500, timeout_keep_alive=30)
    with listening:
        uvicorn.Server(config).run(sockets=[listening])

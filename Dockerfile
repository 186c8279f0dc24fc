# The page of `textlstm page` with the trained models inside:
#   make wheel && docker build --tag textlstm . && docker run --rm --publish 127.0.0.1:8000:8000 textlstm
FROM python:3.13-slim@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285
COPY requirements.txt /pins/
RUN pip install --no-cache-dir --require-hashes -c /pins/requirements.txt numpy threadpoolctl fastapi jinja2 starlette uvicorn pyarrow
COPY dist/textlstm-*.whl /wheel/
RUN pip install --no-cache-dir --no-deps /wheel/*.whl
USER nobody
WORKDIR /tmp
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
CMD ["textlstm", "page", "--host", "0.0.0.0"]

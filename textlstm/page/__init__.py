"""The local page on which people try the models: a server of HTML, and of JSON for programs.

Needs FastAPI, uvicorn and Jinja2 beside what asking needs, the extra "page" of the wheel.

Imports: core, language, detection, sentiment, score, evaluation.
"""

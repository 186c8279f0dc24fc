"""One thin script per stage of dvc.yaml: it reads, calls one function of textlstm, writes, and says one line.

DVC runs a stage with whatever `python` is on the PATH. One without the project's packages ends here, with one line in
place of a traceback. An old Python gets as far as this too: no syntax newer than Python 3.6 may stand in this file.
"""

import importlib.util
import sys

_MISSING = [name for name in ("keras", "mlflow", "numpy", "pydantic") if importlib.util.find_spec(name) is None]

if sys.version_info < (3, 11) or _MISSING:
    sys.exit(
        "stages: expected Python 3.11 or later with the packages of requirements.txt, got "
        f"Python {sys.version_info[0]}.{sys.version_info[1]} ({sys.executable}), "
        f"packages missing: {', '.join(_MISSING) or 'none'}. "
        "Activate the environment: source .venv/bin/activate"
    )

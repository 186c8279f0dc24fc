"""One thin script per stage of dvc.yaml: it reads, calls one function of textlstm, writes, and says one line.

DVC runs a stage with whatever `python` is on the PATH. One without the project's packages ends here, with one line in
place of a traceback. An old Python gets as far as this too: no syntax newer than Python 3.6 may stand in this file.

A stage ends with DVC: one that lives on would write into the outputs of the next one. It asks for this here, before the
seconds that the imports of TensorFlow take. Ctrl-C in these seconds ends it at once, without a traceback;
`textlstm.core.stage.run` takes over when they are past.
"""

import ctypes
import importlib.util
import os
import signal
import sys

if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # "-m" stands there while `python -m stages.NAME` imports this package

if sys.platform == "linux" and "DVC_STAGE" in os.environ:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    try:  # DVC has ended already if a process of another session has taken its place
        orphan = os.getsid(os.getppid()) != os.getsid(0) != os.getpid()
    except OSError:
        orphan = True
    if orphan:
        sys.exit("stages: DVC, which started this stage, has ended")

_MISSING = [
    name
    for name in (
        *("configobj", "dvc", "filelock", "keras", "matplotlib", "mlflow", "msgpack", "numpy", "optuna", "pandas"),
        *("platformdirs", "pooch", "psutil", "pyarrow", "pydantic", "requests", "ruamel", "scipy", "sklearn"),
        *("sqlalchemy", "tensorflow", "threadpoolctl", "tqdm", "yaml"),
    )
    if importlib.util.find_spec(name) is None
]

if sys.version_info < (3, 11) or _MISSING:
    sys.exit(
        "stages: expected Python 3.11 or later with the packages of requirements.txt, got "
        f"Python {sys.version_info[0]}.{sys.version_info[1]} ({sys.executable}), "
        f"packages missing: {', '.join(_MISSING) or 'none'}. "
        "Activate the environment: source .venv/bin/activate"
    )

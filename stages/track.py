"""Record the state of the pipeline as one MLflow run.

Reads   dvc.lock, dvc.yaml, params.yaml, metrics/
Writes  an MLflow run (see textlstm.tracking.runs), and .textlstm/tracked.txt, which names the state
Run     python -m stages.track: by hand too, as often as you like; what is tracked already is not tracked again
"""

import os
import sys

from textlstm.core.errors import TextLSTMError
from textlstm.core.stage import run
from textlstm.tracking.runs import collect, deliver, mark_tracked, post, repository_root


def main() -> None:
    root = repository_root()
    record = collect()
    post(record, root)
    try:
        for line in deliver(root):
            print(f"mlflow: {line}")
    except TextLSTMError as error:
        if "DVC_EXP_NAME" not in os.environ:
            raise
        print(
            f"track: {error}", file=sys.stderr
        )  # a failed stage would cost the experiment its results; the outbox keeps its record
    mark_tracked(record)


if __name__ == "__main__":
    run(main)

"""Record the state of the pipeline as one MLflow run.

Reads   dvc.lock, dvc.yaml, params.yaml, metrics/
Writes  an MLflow run (see textlstm.tracking.runs), and .textlstm/tracked.txt, which names the state
Run     python -m stages.track, or textlstm track: as often as you like; what is tracked already is not tracked again
"""

from textlstm.core.stage import run
from textlstm.tracking.runs import track


def main() -> None:
    track()


if __name__ == "__main__":
    run(main)

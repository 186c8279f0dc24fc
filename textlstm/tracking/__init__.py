"""Everything that imports MLflow: runs of the pipeline, the registry of models, the live view of a training."""

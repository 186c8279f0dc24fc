"""What MLflow holds: runs, the registry, the live view, and the models as it serves them. The only home of MLflow.

Imports: core, detection, evaluation.
"""

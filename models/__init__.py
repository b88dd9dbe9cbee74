"""Floor 3: code of the models, not trained models; those live in the MLflow registry under ``build/``."""

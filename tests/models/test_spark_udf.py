"""The registered scorer as a function of Spark, by ``mlflow.pyfunc.spark_udf``."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from models.scorer import Scorer
from training.dataset import Dataset
from training.plan import Plan
from training.trial import training_record, trial

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("mlflow_left_as_found"),
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17, which is not on this machine"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
]


@pytest.fixture
def spark():
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
    os.environ |= {"PYSPARK_PYTHON": sys.executable}
    builder = sql.SparkSession.builder.master("local[1]")
    for name, value in {"spark.ui.enabled": "false", "spark.log.level": "ERROR"}.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


def test_spark_gives_the_scorers_own_answers(
    spark, scorer: Scorer, dataset: Dataset, plan: Plan, tmp_path: Path
) -> None:
    import mlflow

    from models.runs import log_challenger
    from training.promote import promote_challenger

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    log_challenger(uri, scorer, training_record(scorer, dataset, plan, trial(scorer, dataset, plan)))
    promote_challenger(uri)
    rows = dataset.table[scorer.inputs].sample(50, random_state=1).reset_index(drop=True)
    champion, result = "models:/plumbline-scorer@champion", "win_probability double, stall_risk double"
    score = mlflow.pyfunc.spark_udf(spark, champion, result_type=result, env_manager="local")
    columns = list(rows)
    said = spark.createDataFrame(rows).select(score(*columns).alias("said")).select("said.*").toPandas()
    ours = scorer.predictions(rows)
    for name in ("win_probability", "stall_risk"):
        np.testing.assert_allclose(said[name], ours[name], atol=1e-9)

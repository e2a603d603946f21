"""One Spark a worker for all tests here: on this machine alone; without Java they say what lacks."""

import gc
import shutil
import sys
import warnings
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# pyspark leaves the sockets over which it hands back results to the garbage collector, and compares versions as of old.
ITS_OWN = ("ignore:unclosed <socket:ResourceWarning", "ignore:distutils Version classes:DeprecationWarning")


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items):
    """All of them are slow; what pyspark itself warns of is no failure."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(*ITS_OWN))
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def spark():
    """A session with two cores: no UI, nothing but loopback, UTC, ANSI SQL."""
    if shutil.which("java") is None:
        pytest.skip("needs Java: apt install openjdk-17-jre-headless")
    from pyspark.sql import SparkSession  # noqa: PLC0415 - only where there is Java

    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.shuffle.partitions": "2",
        # Small tables, each plan run once: what compiled code would gain it takes to compile.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Duser.timezone=UTC",
        "spark.driver.memory": "2g",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        # The setting of that name reaches only what spark-submit starts: workers would be the first python3 on PATH.
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        session = SparkSession.builder.master("local[2]").appName("tests").config(map=settings).getOrCreate()
        yield session
        session.stop()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()

import logging
import os
import signal
from collections.abc import Generator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.peers.scripts import ScriptedModel, scripted_model
from tests.servers import unused_port

# The machines that run these tests are shared: how long one example takes says nothing.
settings.register_profile("shared-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared-machine")

# Before anything imports onnxruntime, which would else report to its makers what it runs here.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# What a shell starts in the background ignores Ctrl-C, and so would the servers that these tests start and stop by it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def scripted() -> Generator[ScriptedModel, None, None]:
    """A language model's server that plays what a test gives it, shared by all tests."""
    with scripted_model(unused_port()) as model:
        yield model


@pytest.fixture(autouse=True)
def _no_log_outlives_its_test() -> Generator[None, None, None]:
    """A log that was configured while pytest captured standard error writes into what is closed by the next test."""
    root = logging.getLogger()
    handlers = root.handlers[:]
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers

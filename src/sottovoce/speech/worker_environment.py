"""What every worker process of an engine finds in its environment, besides what the server has there."""

from collections.abc import Mapping
from typing import Final

ENVIRONMENT: Final[Mapping[str, str]] = {
    # A worker has the threads that it is given, not one for each core.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # Since 1.29, onnxruntime reports to its makers what it runs, and keeps a database for that in the home folder.
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # Else Intel's library keeps what was freed, unwiped, for later.
    "MKL_DISABLE_FAST_MM": "1",
}

"""Sottovoce: a voice-session server that keeps nothing."""

import os

# numpy reads it when it is first imported. The detector's matrices are small: threads cost more than they bring.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"

"""`sherpa:/path/to/folder`: streaming transducers, by sherpa-onnx in worker processes. Words come while one speaks.

All utterances of a worker are decoded in one batch, so that many cost little more than one: there is one worker unless
`workers=` says otherwise.
"""

from sottovoce.speech.hearing_pool import HearingPool, Program
from sottovoce.speech.model_url import ModelUrl
from sottovoce.speech.worker_setups import SherpaSetup

_OPTIONS = ("language", "threads", "workers", "device", "precision")


class SherpaRecogniser(HearingPool):
    """A folder with an encoder, a decoder, a joiner and tokens.txt.

    `url` may say `language` (what the model hears, "en" if not said), `threads` and `workers` (1 each), `device` (cpu
    or cuda), `precision` (int8 or float, where the folder has both). Raises EngineUrlInvalid.
    """

    name = "sherpa"

    def __init__(self, url: str, lockdown: str = "off") -> None:
        read = ModelUrl(url, example="sherpa:/srv/models/zipformer-en", options=_OPTIONS)
        self.languages = (read.language("en"),)
        device = read.device()
        setup = SherpaSetup(
            folder=read.model,
            device=device,
            precision=read.choice("precision", "int8" if device == "cpu" else "float", ("int8", "float")),
            threads=read.threads(),
        )
        program = Program(
            module="sottovoce.speech.sherpa_worker",
            setup=setup,
            library="sherpa_onnx",
            install="pip install 'sottovoce[sherpa]'",
        )
        super().__init__(program, read.workers(1), lockdown)

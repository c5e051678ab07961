"""The library's decoders, as a worker uses them. Only the worker imports this module: the library holds the GIL.

An utterance is decoded in four ways at the same time: by the grammar, by a language model of commands, by one of all
English, and as sounds without words. Cepstral means, which stand for the channel and the voice, are estimated from the
beginning of each utterance and a general prior: those of whole utterances that the library takes by default are not
known in time, and its own running ones begin far off.
"""

import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pocketsphinx
from numpy.typing import NDArray

from sottovoce.speech.pocketsphinx_decode import Finding, Findings, Segment, decide
from sottovoce.speech.pocketsphinx_graph import (
    FREE_WORD,
    Arc,
    Transition,
    read_fsg,
    smallest,
    transitions,
    with_one_public_rule,
)
from sottovoce.speech.pocketsphinx_language import arpa, sentences
from sottovoce.speech.pocketsphinx_words import SOUNDS, read_dictionary, with_accents, write_dictionary

RULES: Final[Mapping[str, Sequence[str]]] = {"command": ("command",), "asked": ("command", "answer")}
"""Searches to the rules of the grammar that they hear."""

LANGUAGE_WEIGHT: Final = 5.0
"""How much it counts that some commands are more usual than others."""
_FREE_SOUND_PROBABILITY: Final = math.exp(-20)
"""So much less probable than the grammar's own words is every sound of free ones."""
_SOUND_PROBABILITY: Final = math.exp(-2)
"""Of each sound where there is nothing but sounds."""
_GRAMMAR_BEAMS: Final[Mapping[str, float]] = {"beam": 1e-80, "pbeam": 1e-80, "wbeam": 1e-60}
_SOUNDS_BEAMS: Final[Mapping[str, float]] = {"beam": 1e-40, "pbeam": 1e-40, "wbeam": 1e-30}
_MODEL_OPTIONS: Final = {"maxhmmpf": 3000}

_PRIOR: Final = np.array([53.5, -1.0, -4.0, 14.0, -11.0, 1.0, -5.0, -9.0, 0.5, -3.5, 2.5, -2.5, -1.0])
"""Cepstral means of speech at usual levels, over voices and microphones."""
_PRIOR_FRAMES: Final = 150
_BYTES_PER_FRAME: Final = 320

_NOISE_AMPLITUDE: Final = 30.0
_LOG_SCALE: Final = 1024
"""The library tells log-likelihoods shifted right by 10 bits; those of lattices, with which words end, as they are."""

Means = NDArray[np.float64]


class Model:
    """What all ears of a worker share, or are made from."""

    def __init__(self, grammar: str) -> None:
        self._folder = Path(pocketsphinx.get_model_path()) / "en-us"
        self._noise = np.random.default_rng(1).normal(0, _NOISE_AMPLITUDE, 1 << 16).round().astype(np.int16)
        self._graphs: dict[str, tuple[int, int, list[Transition]]] = {}
        self._dictionary = write_dictionary({sound: [phones] for sound, phones in SOUNDS.items()})
        self._everyday_dictionary = ""
        self._everyday_model = ""
        self._everyday: Any = None
        self.unknown_words = 0
        if grammar:
            self._compile(grammar)
        self._first = pocketsphinx.Decoder(loglevel="FATAL", **_MODEL_OPTIONS)
        self._words = self._first.get_lm(self._first.current_search())
        self._probe = self._grammar_decoder()
        self._probe.add_fsg("probe", self._probe.create_fsg("probe", 0, 1, [(0, 1, 1.0, next(iter(SOUNDS)))]))
        self._probe.activate_search("probe")

    def ears(self) -> "Ears":
        """Another pair of decoders."""
        first, self._first = self._first, None
        words = first if first is not None else self._language_decoder()
        if not self._graphs:
            return Ears(words)
        commands = self._grammar_decoder()
        for name, (start, final, arcs) in self._graphs.items():
            commands.add_fsg(name, commands.create_fsg(name, start, final, arcs))
        return Ears(words, commands=commands, everyday=self._everyday_decoder(), sounds=self._sounds_decoder())

    def with_noise(self, pcm: bytes, first_sample: int) -> bytes:
        """Sound as it is in rooms: in the digital silence around synthesised speech the library hears nothing right.

        The same noise at the same place of every utterance, so that what is heard twice is heard the same.
        """
        sound = np.frombuffer(pcm, np.int16)
        noise = np.take(self._noise, np.arange(first_sample, first_sample + len(sound)), mode="wrap")
        noisy: NDArray[np.int16] = np.clip(sound.astype(np.int32) + noise, -32768, 32767).astype(np.int16)
        return noisy.tobytes()

    def means(self, pcm: bytes) -> Means:
        """Cepstral means as the beginning of an utterance has them, moved towards the prior the shorter it is."""
        self._probe.reinit_feat()
        self._probe.start_utt()
        self._probe.process_raw(pcm, full_utt=True)
        self._probe.end_utt()
        found = np.array([float(mean) for mean in self._probe.get_cmn().split(",")])
        frames = len(pcm) / _BYTES_PER_FRAME
        means: Means = (found * frames + _PRIOR * _PRIOR_FRAMES) / (frames + _PRIOR_FRAMES)
        return means

    def _compile(self, grammar: str) -> None:
        # With any other weight of the language the library writes other probabilities than it read.
        parser = self._grammar_decoder({**_GRAMMAR_BEAMS, "lw": 1.0})
        paths = {name: _parse(parser, with_one_public_rule(grammar, rules)) for name, rules in RULES.items()}
        wanted = _words_of(*paths.values())
        text = _parse(parser, with_one_public_rule(grammar, ["text"]))
        everyday = frozenset(_everyday_words()) | wanted | _words_of(text)
        with (self._folder / "cmudict-en-us.dict").open(encoding="utf-8") as lines:
            pronunciations = read_dictionary(lines, everyday)
        spoken = {word: with_accents(phones) for word, phones in pronunciations.items()}
        known = frozenset(spoken)
        self.unknown_words = len(wanted - known)
        self._dictionary += write_dictionary({word: spoken[word] for word in sorted(wanted & known)})
        graphs = {name: smallest(*path, known) for name, path in paths.items()}
        free = dict.fromkeys(SOUNDS, _FREE_SOUND_PROBABILITY)
        self._graphs = {name: transitions(graph, free, LANGUAGE_WEIGHT) for name, graph in graphs.items()}
        self._everyday_dictionary = write_dictionary(spoken)
        self._everyday_model = arpa(sentences(graphs["command"], smallest(*text, known)), known)

    def _everyday_decoder(self) -> Any:
        """Knows the words of commands, and what is usually said in them."""
        with _as_file(self._everyday_dictionary) as path:
            decoder = pocketsphinx.Decoder(lm=None, dict=path, loglevel="FATAL", **_MODEL_OPTIONS)
        if self._everyday is None:
            with _as_file(self._everyday_model) as path:
                decoder.add_lm_file("everyday", path)
            self._everyday = decoder.get_lm("everyday")
        else:
            decoder.add_lm("everyday", self._everyday)
        decoder.activate_search("everyday")
        return decoder

    def _grammar_decoder(self, beams: Mapping[str, float] = _GRAMMAR_BEAMS) -> Any:
        """Knows the few words of the grammar only, which makes it small and quick to make."""
        with _as_file(self._dictionary) as path:
            # Fits can be compared only where the best state of every frame is known: hence `compallsen`.
            return pocketsphinx.Decoder(lm=None, dict=path, bestpath=False, compallsen=True, loglevel="FATAL", **beams)

    def _sounds_decoder(self) -> Any:
        """Knows sounds, which may come in any order."""
        decoder = self._grammar_decoder(_SOUNDS_BEAMS)
        loop = [(0, 0, _SOUND_PROBABILITY, sound) for sound in SOUNDS]
        decoder.add_fsg("sounds", decoder.create_fsg("sounds", 0, 1, [*loop, (0, 1, 1.0)]))
        decoder.activate_search("sounds")
        return decoder

    def _language_decoder(self, **options: Any) -> Any:
        """With the language model that is there already, and takes much memory."""
        decoder = pocketsphinx.Decoder(lm=None, loglevel="FATAL", **_MODEL_OPTIONS, **options)
        decoder.add_lm("words", self._words)
        decoder.activate_search("words")
        return decoder


class Ears:
    """Hear one utterance after another: as words, and, if there is a grammar, as one of its commands, as everyday words
    and as mere sounds, too."""

    def __init__(self, words: Any, *, commands: Any = None, everyday: Any = None, sounds: Any = None) -> None:
        self._words = words
        self._commands = commands
        self._everyday = everyday
        self._sounds = sounds
        self._decoders = [decoder for decoder in (words, commands, everyday, sounds) if decoder is not None]
        self._busy = False

    def begin(self, means: Means, *, asked: bool) -> None:
        """Forget what was, and hear anew."""
        self.stop()
        if self._commands is not None:
            self._commands.activate_search("asked" if asked else "command")
        for decoder in self._decoders:
            # Else the noise of the last utterance would be taken off this one.
            decoder.reinit_feat()
            decoder.set_cmn(",".join(f"{mean:.4f}" for mean in means))
            decoder.start_utt()
        self._busy = True

    def hear(self, pcm: bytes) -> None:
        """More sound."""
        for decoder in self._decoders if pcm else ():
            decoder.process_raw(pcm)

    def partial(self) -> str:
        """The words so far."""
        return decide(self._findings(_LOG_SCALE)).text

    def end(self) -> Finding:
        """What the utterance was."""
        self.stop()
        return decide(self._findings(1))

    def _findings(self, scale: int) -> Findings:
        words = _segments(self._words, scale)
        if self._commands is None:
            return Findings(words)
        return Findings(
            words,
            command=_segments(self._commands),
            everyday=_segments(self._everyday, scale),
            sounds=_segments(self._sounds),
        )

    def stop(self) -> None:
        """Hear no more."""
        if self._busy:
            for decoder in self._decoders:
                decoder.end_utt()
        self._busy = False


def _segments(decoder: Any, scale: int = _LOG_SCALE) -> list[Segment]:
    if decoder.hyp() is None:
        return []
    return [
        Segment(each.word, each.start_frame, each.end_frame, scale * _log(each.ascore), _LOG_SCALE * _log(each.lscore))
        for each in decoder.seg()
    ]


def _log(probability: float) -> float:
    """What fits very badly is as improbable as the smallest number there is, or rounded to zero."""
    return math.log(max(probability, sys.float_info.min))


def _words_of(*graphs: tuple[int, int, list[Arc]]) -> frozenset[str]:
    return frozenset(word for _, _, arcs in graphs for _, word, _, _ in arcs if word) - {FREE_WORD}


def _everyday_words() -> list[str]:
    text = (Path(__file__).parent / "pocketsphinx_everyday.txt").read_text(encoding="utf-8")
    return [word for line in text.splitlines() if not line.startswith("#") for word in line.split()]


def _parse(decoder: Any, grammar: str) -> tuple[int, int, list[Arc]]:
    """By the library's own parser, whose result can only be had as a file."""
    graph = decoder.parse_jsgf(grammar)
    with _as_file("") as path:
        graph.writefile(path)
        return read_fsg(Path(path).read_text(encoding="utf-8"))


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """A path to a file that exists in memory only."""
    descriptor = os.memfd_create("sottovoce")
    try:
        os.write(descriptor, text.encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)

"""Models of a few kilobytes with random weights, in the formats of real ones: the real libraries load and run them.
What they hear and say is nonsense, but always the same for the same sound or text, and another for another."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import onnx
from faster_whisper.tokenizer import _LANGUAGE_CODES
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

WORDS = ("buy", "milk", "tomorrow", "call", "school", "remind", "me", "cancel", "task", "seven", "window", "garden")
PIPER_RATE = 22_050
SPEAKERS = ("anna", "berta")
_PIPER_SAMPLES_PER_PHONEME = 1200

Array = NDArray[np.float32]


def random(*shape: int, scale: float = 1.0, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).normal(0, scale, shape).astype(np.float32)


# --- Whisper, for CTranslate2 ---

_D, _MELS, _HEADS = 32, 80, 2
_TASKS = ("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>")


def whisper(folder: Path, *, multilingual: bool = False) -> Path:
    """English only, unless told otherwise."""
    folder.mkdir()
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = [*letters, *(f"Ġ{word}" for word in WORDS)]
    if multilingual:
        plain += [""]  # by which CTranslate2 tells a model of many languages
    times = [f"<|{hundredths / 50:.2f}|>" for hundredths in range(1501)]
    languages = [f"<|{code}|>" for code in (_LANGUAGE_CODES if multilingual else ["en"])]
    special = ["<|endoftext|>", "<|startoftranscript|>", *languages, *_TASKS]
    tokens = [*plain, *special, *times]
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(plain)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(special)
    tokenizer.add_tokens(times)
    tokenizer.save(str(folder / "tokenizer.json"))

    spec = ctranslate2.specs.WhisperSpec(1, _HEADS, 1, _HEADS)
    ctranslate2.specs.model_spec.visit_spec(spec, lambda layer, name, value: _fill(layer, name, value, len(tokens)))
    spec.decoder.projection.bias = np.array([_bias(entry) for entry in tokens], np.float32)
    spec.config.suppress_ids_begin = [tokens.index("<|endoftext|>")]
    spec.config.lang_ids = [tokens.index(language) for language in languages]
    spec.config.alignment_heads = [(0, 0)]
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.save(str(folder))
    return folder


def _bias(entry: str) -> float:
    """Words are likely, and single letters are never said."""
    if entry.removeprefix("Ġ") in WORDS:
        return 3.0
    return 0.0 if entry.startswith("<|") else -1000.0


def _fill(layer: Any, name: str, value: Any, vocabulary: int) -> None:
    """One weight of CTranslate2's, which is None as yet; Whisper needs those of positions, which others may lack."""
    part = name.rpartition("/")[2]
    if value is not None and part != "encodings":
        return
    setattr(layer, part, _weight(name, part, vocabulary))


def _weight(name: str, part: str, vocabulary: int) -> Array:
    if part == "gamma":
        return np.ones(_D, np.float32)
    if part == "beta":
        return np.zeros(_D, np.float32)
    shape = _shape(name, vocabulary)
    if part == "bias":
        return np.zeros(shape[0], np.float32)
    if name.endswith("position_encodings/encodings"):
        return random(448 if name.startswith("decoder") else 1500, _D)
    # Strong enough for what is heard to count for more than what was said last.
    return random(*shape, scale=3.0 / float(np.sqrt(shape[1])), seed=sum(name.encode()))


def _shape(name: str, vocabulary: int) -> tuple[int, ...]:
    shapes: Mapping[str, tuple[int, ...]] = {
        "conv1": (_D, _MELS, 3),
        "conv2": (_D, _D, 3),
        "embeddings": (vocabulary, _D),
        "projection": (vocabulary, _D),
        "self_attention/linear_0": (3 * _D, _D),
        "self_attention/linear_1": (_D, _D),
        "attention/linear_0": (_D, _D),
        "attention/linear_1": (2 * _D, _D),
        "attention/linear_2": (_D, _D),
        "ffn/linear_0": (4 * _D, _D),
        "ffn/linear_1": (_D, 4 * _D),
    }
    found = [shape for key, shape in shapes.items() if key in name]
    return found[0] if found else (_D, _D)


# --- a streaming transducer, for sherpa-onnx ---

_HIDDEN, _FRAMES, _STRIDE = 24, 16, 4
_TOKENS = ("<blk>", "<sos/eos>", "<unk>", *(f"▁{word.upper()}" for word in WORDS))


def transducer(folder: Path, *, name: str = "{}.onnx") -> Path:
    """An encoder of one LSTM, whose state has to be carried from chunk to chunk. `name`: of its three files."""
    folder.mkdir(exist_ok=True)
    (folder / "tokens.txt").write_text("".join(f"{token} {number}\n" for number, token in enumerate(_TOKENS)))
    _save(folder / name.format("encoder"), *_encoder())
    _save(folder / name.format("decoder"), *_decoder())
    _save(folder / name.format("joiner"), *_joiner())
    return folder


def _encoder() -> tuple[onnx.GraphProto, Mapping[str, object]]:
    inputs = _STRIDE * 80
    graph = helper.make_graph(
        [
            helper.make_node("Reshape", ["x", "shape"], ["stacked"]),
            helper.make_node("Transpose", ["stacked"], ["by_time"], perm=[1, 0, 2]),
            helper.make_node(
                "LSTM", ["by_time", "w", "r", "", "", "h", "c"], ["y", "new_h", "new_c"], hidden_size=_HIDDEN
            ),
            helper.make_node("Squeeze", ["y", "axis"], ["flat"]),
            helper.make_node("Transpose", ["flat"], ["encoder_out"], perm=[1, 0, 2]),
        ],
        "encoder",
        [
            _value("x", ["N", _FRAMES, 80]),
            _value("h", [1, "N", _HIDDEN]),
            _value("c", [1, "N", _HIDDEN]),
        ],
        [
            _value("encoder_out", ["N", _FRAMES // _STRIDE, _HIDDEN]),
            _value("new_h", [1, "N", _HIDDEN]),
            _value("new_c", [1, "N", _HIDDEN]),
        ],
        [
            _constant("shape", np.array([0, _FRAMES // _STRIDE, inputs], np.int64)),
            _constant("axis", np.array([1], np.int64)),
            _constant("w", random(1, 4 * _HIDDEN, inputs, scale=0.03)),
            _constant("r", random(1, 4 * _HIDDEN, _HIDDEN, scale=0.5)),
        ],
    )
    about = {
        "model_type": "lstm",
        "version": 1,
        "T": _FRAMES,
        "decode_chunk_len": _FRAMES,
        "num_encoder_layers": 1,
        "rnn_hidden_size": _HIDDEN,
        "d_model": _HIDDEN,
    }
    return graph, about


def _decoder() -> tuple[onnx.GraphProto, Mapping[str, object]]:
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "y"], ["words"]),
            helper.make_node("ReduceMean", ["words"], ["decoder_out"], axes=[1], keepdims=0),
        ],
        "decoder",
        [_value("y", ["N", 2], TensorProto.INT64)],
        [_value("decoder_out", ["N", _HIDDEN])],
        [_constant("table", random(len(_TOKENS), _HIDDEN))],
    )
    return graph, {"context_size": 2, "vocab_size": len(_TOKENS)}


def _joiner() -> tuple[onnx.GraphProto, Mapping[str, object]]:
    weights = random(_HIDDEN, len(_TOKENS), seed=1)
    weights[:, 1:3] = 0  # no unknown words
    silence = np.where(np.arange(len(_TOKENS)) == 0, 2.0, 0.0).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["encoder_out", "decoder_out"], ["sum"]),
            helper.make_node("Tanh", ["sum"], ["joined"]),
            helper.make_node("MatMul", ["joined", "weights"], ["scores"]),
            helper.make_node("Add", ["scores", "silence"], ["logit"]),
        ],
        "joiner",
        [_value("encoder_out", ["N", _HIDDEN]), _value("decoder_out", ["N", _HIDDEN])],
        [_value("logit", ["N", len(_TOKENS)])],
        [_constant("weights", weights), _constant("silence", silence)],
    )
    return graph, {"joiner_dim": _HIDDEN}


# --- a voice, for piper ---


def voice(folder: Path, *, language: str = "en-us", speakers: Sequence[str] = (), phonemes: str = "espeak") -> Path:
    """Each phoneme is a tone of its own; the further speakers sing higher."""
    model = folder / "tiny.onnx"
    symbols = 1 + max(max(numbers) for numbers in DEFAULT_PHONEME_ID_MAP.values())
    rng = np.random.default_rng(2)
    pitches = (2 * np.pi * rng.uniform(100, 900, symbols) / PIPER_RATE).astype(np.float32)
    levels = rng.exponential(0.15, symbols).clip(0.02, 1).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["pitches", "input"], ["pitch"]),
        helper.make_node("Gather", ["levels", "input"], ["level"]),
        helper.make_node("Gather", ["scales", "one"], ["slowness"]),
        helper.make_node("Mul", ["slowness", "samples"], ["length"]),
        helper.make_node("Cast", ["length"], ["repeats"], to=TensorProto.INT64),
        helper.make_node("Concat", ["ones", "repeats"], ["wide"], axis=0),
        helper.make_node("Unsqueeze", ["pitch", "last"], ["pitch_3"]),
        helper.make_node("Unsqueeze", ["level", "last"], ["level_3"]),
        helper.make_node("Expand", ["pitch_3", "wide"], ["pitch_long"]),
        helper.make_node("Expand", ["level_3", "wide"], ["level_long"]),
        helper.make_node("Reshape", ["pitch_long", "flat"], ["steps"]),
        helper.make_node("Reshape", ["level_long", "flat"], ["envelope"]),
        helper.make_node("CumSum", ["steps", "two"], ["phase"]),
        *(
            [
                helper.make_node("Cast", ["sid"], ["higher"], to=TensorProto.FLOAT),
                helper.make_node("Add", ["higher", "one_float"], ["factor"]),
                helper.make_node("Mul", ["phase", "factor"], ["angle"]),
            ]
            if speakers
            else [helper.make_node("Identity", ["phase"], ["angle"])]
        ),
        helper.make_node("Sin", ["angle"], ["tone"]),
        helper.make_node("Mul", ["tone", "envelope"], ["output"]),
    ]
    inputs = [
        _value("input", [1, "phonemes"], TensorProto.INT64),
        _value("input_lengths", [1], TensorProto.INT64),
        _value("scales", [3]),
        *([_value("sid", [1], TensorProto.INT64)] if speakers else []),
    ]
    constants = [
        _constant("pitches", pitches),
        _constant("levels", levels),
        _constant("one", np.array([1], np.int64)),
        _constant("one_float", np.array([1], np.float32)),
        _constant("samples", np.array([_PIPER_SAMPLES_PER_PHONEME], np.float32)),
        _constant("ones", np.array([1, 1], np.int64)),
        _constant("last", np.array([2], np.int64)),
        _constant("flat", np.array([1, 1, -1], np.int64)),
        _constant("two", np.array(2, np.int64)),
    ]
    _save(model, helper.make_graph(nodes, "voice", inputs, [_value("output", [1, 1, "samples"])], constants), {})
    about = {
        "audio": {"sample_rate": PIPER_RATE},
        "espeak": {"voice": language},
        "phoneme_type": phonemes,
        "num_symbols": symbols,
        "num_speakers": max(1, len(speakers)),
        "speaker_id_map": {speaker: number for number, speaker in enumerate(speakers)},
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
    }
    Path(f"{model}.json").write_text(json.dumps(about))
    return model


def _value(name: str, shape: Sequence[int | str], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def _constant(name: str, value: NDArray[Any]) -> onnx.TensorProto:
    return numpy_helper.from_array(value, name)


def _save(path: Path, graph: onnx.GraphProto, about: Mapping[str, object]) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {name: str(value) for name, value in about.items()})
    onnx.checker.check_model(model)
    onnx.save(model, path)

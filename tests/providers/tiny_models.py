"""Models of the local engines that hear or say next to nothing, made here: the libraries are real.

Each has the inputs and outputs of a real one. Those that hear take any speech for "hello"; those
that speak hum.
"""

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

BUILDERS: dict[str, Callable[[Path], None]] = {}
NEEDED = {
    "stt/moonshine": ("onnx", "onnxruntime", "moonshine_voice"),
    "stt/sherpa": ("onnx",),
    "stt/whisper": ("ctranslate2", "tokenizers"),
    "tts/kokoro": ("onnx",),
    "tts/piper": ("onnx",),
}


def missing(full_name: str) -> str | None:
    """What must be installed before a model of this engine can be made."""
    absent = [each for each in NEEDED.get(full_name, ()) if find_spec(each) is None]
    return f"a tiny model needs {', '.join(absent)}" if absent else None


@cache
def folder_of(full_name: str) -> Path:
    """The folder with a tiny model; it stays until the process ends."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    BUILDERS[full_name](folder)
    return folder


def builder(full_name: str) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    def add(function: Callable[[Path], None]) -> Callable[[Path], None]:
        BUILDERS[full_name] = function
        return function

    return add


# --- graphs -------------------------------------------------------------------------------------


class Graph:
    """An ONNX graph, node by node."""

    def __init__(self) -> None:
        from onnx import TensorProto, helper  # noqa: PLC0415 - optional

        self.helper = helper
        self.types = {"f": TensorProto.FLOAT, "i": TensorProto.INT64, "b": TensorProto.BOOL}
        self.nodes: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self.constants = 0

    def input(self, name: str, kind: str, shape: Sequence[int | str]) -> str:
        self.inputs.append(self.helper.make_tensor_value_info(name, self.types[kind], shape))
        return name

    def output(self, name: str, kind: str, shape: Sequence[int | str]) -> None:
        self.outputs.append(self.helper.make_tensor_value_info(name, self.types[kind], shape))

    def constant(self, value: object, kind: str = "i") -> str:
        array: Any = np.array(value, {"f": np.float32, "i": np.int64, "b": np.bool_}[kind])
        self.constants += 1
        name = f"constant_{self.constants}"
        tensor = self.helper.make_tensor(name, self.types[kind], array.shape, array.ravel())
        self.nodes.append(self.helper.make_node("Constant", [], [name], value=tensor))
        return name

    def add(self, operator: str, inputs: Sequence[str], name: str = "", **attributes: Any) -> str:  # noqa: ANN401
        name = name or f"{operator}_{len(self.nodes)}"
        self.nodes.append(self.helper.make_node(operator, inputs, [name], **attributes))
        return name

    def one_hot(self, index: str, depth: int, name: str) -> str:
        values = self.constant([0, 1], "f")
        return self.add("OneHot", [index, self.constant([depth]), values], name)

    def save(self, file: Path, **metadata: object) -> None:
        graph = self.helper.make_graph(self.nodes, "tiny", self.inputs, self.outputs)
        model = self.helper.make_model(
            graph, opset_imports=[self.helper.make_opsetid("", 17)], ir_version=8
        )
        self.helper.set_model_props(model, {key: str(value) for key, value in metadata.items()})
        file.write_bytes(model.SerializeToString())


# --- speakers -----------------------------------------------------------------------------------


def hum(graph: Graph, tokens: str, samples_per_token: int, shape: Sequence[int]) -> str:
    """So many samples of a tone for each token: tokens is int64, shape (1, n)."""
    count = graph.add("Gather", [graph.add("Shape", [tokens]), graph.constant(1)])
    length = graph.add("Mul", [count, graph.constant(samples_per_token)])
    at = graph.add("Range", [graph.constant(0), length, graph.constant(1)])
    turn = graph.add("Mul", [graph.add("Cast", [at], to=1), graph.constant(0.05, "f")])
    tone = graph.add("Mul", [graph.add("Sin", [turn]), graph.constant(0.3, "f")])
    return graph.add("Reshape", [tone, graph.constant(shape)], "audio")


@builder("tts/kokoro")
def kokoro(folder: Path) -> None:
    graph = Graph()
    tokens = graph.input("input_ids", "i", [1, "n"])
    graph.input("style", "f", [1, 256])
    graph.input("speed", "f", [1])
    hum(graph, tokens, 1800, [-1])
    graph.output("audio", "f", ["samples"])
    ones = graph.add("ConstantOfShape", [graph.add("Shape", [tokens])])
    graph.add("Add", [graph.add("Cast", [ones], to=7), graph.constant(3)], "duration")
    graph.output("duration", "i", [1, "n"])
    graph.save(folder / "kokoro.onnx")
    style = np.zeros((510, 1, 256), np.float32)
    with (folder / "voices.bin").open("wb") as file:
        np.savez(file, af_heart=style, am_adam=style, bf_emma=style, ff_siwis=style)


@builder("tts/piper")
def piper(folder: Path) -> None:
    graph = Graph()
    tokens = graph.input("input", "i", [1, "n"])
    graph.input("input_lengths", "i", [1])
    graph.input("scales", "f", [3])
    hum(graph, tokens, 512, [1, 1, 1, -1])
    graph.output("audio", "f", [1, 1, 1, "samples"])
    two = graph.add("Mul", [graph.add("Sign", [graph.add("Abs", [tokens])]), graph.constant(0)])
    frames = graph.add("Add", [two, graph.constant(2)])
    graph.add("Cast", [frames], "durations", to=1)
    graph.output("durations", "f", [1, "n"])
    graph.save(folder / "en_US-hum-low.onnx")
    marks = " !\"'(),-.:;?$^_abcdefghijklmnopqrstuvwxyzæçðøħŋœɐɑɒɔɕəɚɛɜɡɪɹɾʃʊʌʒʔˈˌːθᵻ"  # noqa: RUF001 - sounds
    config = {
        "num_symbols": len(marks),
        "num_speakers": 1,
        "audio": {"sample_rate": 22_050},
        "espeak": {"voice": "en-us"},
        "phoneme_id_map": {mark: [number] for number, mark in enumerate(marks)},
    }
    (folder / "en_US-hum-low.onnx.json").write_text(json.dumps(config))


# --- hearers ------------------------------------------------------------------------------------


@builder("stt/sherpa")
def sherpa(folder: Path) -> None:
    """An LSTM transducer that says its word once and is silent ever after."""
    chunk, width, words = 4, 8, 3
    encoder = Graph()
    sound = encoder.input("x", "f", [1, chunk, 80])
    for state in ("h", "c"):
        encoder.input(state, "f", [1, 1, width])
    mean = encoder.add("ReduceMean", [sound], axes=[2], keepdims=1)
    nothing = encoder.add("Mul", [mean, encoder.constant(np.zeros((1, 1, width)), "f")])
    starts, ends = encoder.constant([0]), encoder.constant([1])
    encoder.add("Slice", [nothing, starts, ends, encoder.constant([1])], "encoder_out")
    encoder.output("encoder_out", "f", [1, 1, width])
    for state in ("h", "c"):
        encoder.add("Identity", [state], f"next_{state}")
        encoder.output(f"next_{state}", "f", [1, 1, width])
    told = {"num_encoder_layers": 1, "T": chunk, "decode_chunk_len": chunk, "d_model": width}
    encoder.save(folder / "encoder.onnx", model_type="lstm", rnn_hidden_size=width, **told)

    decoder = Graph()
    said = decoder.input("y", "i", ["n", 2])
    last = decoder.add("Gather", [said, decoder.constant(1)], axis=1)
    decoder.one_hot(last, words, "decoder_out")
    decoder.output("decoder_out", "f", ["n", words])
    decoder.save(folder / "decoder.onnx", vocab_size=words, context_size=2)

    joiner = Graph()
    joiner.input("encoder_out", "f", ["n", width])
    before = joiner.input("decoder_out", "f", ["n", words])
    after = joiner.constant([[0, 1, 0], [1, 0, 0], [1, 0, 0]], "f")  # nothing -> word -> nothing
    joiner.add("MatMul", [before, after], "logit")
    joiner.output("logit", "f", ["n", words])
    joiner.save(folder / "joiner.onnx", joiner_dim=width)
    (folder / "tokens.txt").write_text("<blk> 0\n▁HELLO 1\n<unk> 2\n", encoding="utf-8")


@builder("stt/moonshine")
def moonshine(folder: Path) -> None:
    """A model of the size `tiny`, which does not stream: the package brings its tokenizer."""
    import moonshine_voice  # noqa: PLC0415 - optional

    assets = Path(moonshine_voice.__file__).parent / "assets" / "tiny-en"
    shutil.copy(assets / "tokenizer.bin", folder)
    layers, heads, width, words = 6, 8, 36, 32_768
    encoder = Graph()
    sound = encoder.input("input_values", "f", [1, "samples"])
    mean = encoder.add("ReduceMean", [sound], axes=[1], keepdims=1)
    zeros = encoder.constant(np.zeros((1, 1, heads * width)), "f")
    encoder.add("Mul", [mean, zeros], "last_hidden_state")
    encoder.output("last_hidden_state", "f", [1, 1, heads * width])
    _save_ort(encoder, folder / "encoder_model.ort")

    decoder = Graph()
    said = decoder.input("input_ids", "i", [1, "n"])
    decoder.input("encoder_hidden_states", "f", [1, "m", heads * width])
    last = decoder.add("Gather", [said, decoder.constant(-1)], axis=1)
    begins = decoder.add("Equal", [last, decoder.constant([1])])
    hello, end = decoder.constant([_hello(folder)]), decoder.constant([2])
    following = decoder.add("Where", [begins, hello, end])
    row = decoder.add("Unsqueeze", [following, decoder.constant([0])])
    decoder.one_hot(row, words, "logits")
    decoder.output("logits", "f", [1, 1, words])
    for layer in range(layers):
        for part in ("decoder.key", "decoder.value", "encoder.key", "encoder.value"):
            shape: list[int | str] = [1, heads, "past", width]
            decoder.input(f"past_key_values.{layer}.{part}", "f", shape)
            past = f"past_key_values.{layer}.{part}"
            decoder.add("Identity", [past], f"present.{layer}.{part}")
            decoder.output(f"present.{layer}.{part}", "f", shape)
    decoder.input("use_cache_branch", "b", [1])
    _save_ort(decoder, folder / "decoder_model_merged.ort")


def _hello(folder: Path) -> int:
    """The number of the word: each is a length, in one byte or two, and so many bytes."""
    data = (folder / "tokenizer.bin").read_bytes()
    at = number = 0
    while at < len(data):
        length = data[at]
        at += 1
        if length >= 128:
            length = length - 128 + 128 * data[at]
            at += 1
        if data[at : at + length] == "▁hello".encode():
            return number
        at += length
        number += 1
    raise AssertionError("the tokenizer has no such word")


def _save_ort(graph: Graph, file: Path) -> None:
    import onnxruntime  # noqa: PLC0415 - optional

    plain = file.with_suffix(".onnx")
    graph.save(plain)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(file)
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(str(plain), options, providers=["CPUExecutionProvider"])
    plain.unlink()


@builder("stt/whisper")
def whisper(folder: Path) -> None:
    """A decoder whose positions, not what it hears, say which token comes next."""
    from ctranslate2.specs.model_spec import visit_spec  # noqa: PLC0415 - optional
    from ctranslate2.specs.whisper_spec import WhisperSpec  # noqa: PLC0415

    words = ["!", "hello", "<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|de|>"]
    words += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>"]
    words += ["<|nospeech|>", "<|notimestamps|>", "<|0.00|>"]
    width = 64
    positions = np.zeros((448, width), np.float32)
    positions[:, 2] = 10  # the end,
    positions[1, :3] = [0, 10, 0]  # but after the two tokens that begin a transcript: the word
    known = {
        "encoder/conv1/weight": np.zeros((width, 80, 3)),
        "encoder/conv2/weight": np.zeros((width, width, 3)),
        "decoder/embeddings/weight": np.eye(len(words), width),
        "decoder/projection/weight": np.eye(len(words), width),
    }
    rows = {
        "self_attention/linear_0": 3,
        "self_attention/linear_1": 1,
        "attention/linear_1": 2,
        "ffn/linear_0": 4,
    }

    def fill(parts: object, name: str, value: object) -> None:
        if value is not None:
            return
        place, _, last = name.rpartition("/")
        made = known.get(name)
        if made is None and last in {"gamma", "beta"}:
            made = np.full(width, float(last == "gamma"))
        elif made is None:
            high = next((n for end, n in rows.items() if place.endswith(end)), 1)
            made = np.zeros((high * width, 4 * width if "ffn/linear_1" in place else width))
        setattr(parts, last, made.astype(np.float32))

    spec = WhisperSpec(1, 1, 1, 1)
    visit_spec(spec, fill)
    spec.encoder.position_encodings.encodings = np.zeros((1500, width), np.float32)
    spec.decoder.position_encodings.encodings = positions
    spec.register_vocabulary(words)
    for name, value in {"suppress_ids": [], "suppress_ids_begin": [], "lang_ids": [4, 5]}.items():
        setattr(spec.config, name, value)
    spec.config.alignment_heads = [(0, 0)]
    spec.validate()
    spec.save(str(folder))
    (folder / "tokenizer.json").write_text(json.dumps(_tokenizer(words)), encoding="utf-8")


def _tokenizer(words: Sequence[str]) -> dict[str, object]:
    added = [
        {
            "id": number,
            "content": word,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for number, word in enumerate(words)
        if word.startswith("<|")
    ]
    model = {
        "type": "WordLevel",
        "vocab": {word: number for number, word in enumerate(words)},
        "unk_token": "!",
    }
    return {"version": "1.0", "added_tokens": added, "model": model}

"""The 16 kHz net of Silero VAD v5 and v6, for many streams at once, as matrix products.

512 new samples and the 64 before them become four magnitude spectra, go through four convolutions
over time that leave one vector, and through one LSTM cell that remembers. The weights are read from
the published ONNX file (MIT). Law: a stream's probabilities do not depend on the others in the
batch, but for rounding.
"""

from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from turnwise.providers.vad.onnx_weights import Floats, read_weights

FRAME_SAMPLES = 512
CONTEXT_SAMPLES = 64
MEMORY = 128
"""Length of each of the two vectors that the net remembers of a stream."""

_WINDOW = 256
_HOP = 128
_BINS = _WINDOW // 2 + 1
_STEPS = 4
"""Spectra of one frame."""

_SHAPES = {
    "stft.forward_basis_buffer": (2 * _BINS, 1, _WINDOW),
    "encoder.0.reparam_conv.weight": (128, _BINS, 3),
    "encoder.0.reparam_conv.bias": (128,),
    "encoder.1.reparam_conv.weight": (64, 128, 3),
    "encoder.1.reparam_conv.bias": (64,),
    "encoder.2.reparam_conv.weight": (64, 64, 3),
    "encoder.2.reparam_conv.bias": (64,),
    "encoder.3.reparam_conv.weight": (MEMORY, 64, 3),
    "encoder.3.reparam_conv.bias": (MEMORY,),
    "decoder.rnn.weight_ih": (4 * MEMORY, MEMORY),
    "decoder.rnn.weight_hh": (4 * MEMORY, MEMORY),
    "decoder.rnn.bias_ih": (4 * MEMORY,),
    "decoder.rnn.bias_hh": (4 * MEMORY,),
    "decoder.decoder.2.weight": (1, MEMORY, 1),
    "decoder.decoder.2.bias": (1,),
}


class SileroNet:
    """Judges one frame of each of up to as many streams as memory holds."""

    def __init__(self, path: Path) -> None:
        """Read the weights.

        Raises:
            ValueError: If the file holds another net.
            OSError: If it cannot be read.
        """
        weights = _by_place(read_weights(path, "then_branch"))
        basis = weights["stft.forward_basis_buffer"][:, 0]
        # The row of frequency 0, whose cosine is 1 everywhere. In double precision, because numpy
        # transforms float32 by way of it, four times as slowly.
        self._window = basis[0].astype(np.float64)
        _check_transform(basis, self._window)
        first, second, third, fourth = (
            weights[f"encoder.{layer}.reparam_conv.weight"] for layer in range(4)
        )
        self._biases = [weights[f"encoder.{layer}.reparam_conv.bias"] for layer in range(4)]
        # A kernel as a matrix: (taps, channels in) flat x channels out. Where a convolution sees
        # padding on both sides of what is left of time, only the taps that meet data are kept.
        self._first = _flat(first)
        self._second = _flat(second)
        self._third = _flat(third[:, :, 1:])
        self._fourth = _flat(fourth[:, :, 1:2])
        self._seen_gates, self._hidden_gates = (
            np.ascontiguousarray(_gates_first(weights[f"decoder.rnn.weight_{part}"]).T)
            for part in ("ih", "hh")
        )
        bias = weights["decoder.rnn.bias_ih"] + weights["decoder.rnn.bias_hh"]
        self._cell_bias = _gates_first(bias)
        self._last = weights["decoder.decoder.2.weight"][0, :, 0].copy()
        self._last_bias = float(weights["decoder.decoder.2.bias"][0])
        # Nothing but zeros, which callers send who are muted or listen, is always seen alike.
        nothing = np.zeros((1, CONTEXT_SAMPLES + FRAME_SAMPLES), np.float32)
        self._silence = self._see(nothing)

    def __call__(
        self, sound: Floats, hidden: Floats, cell: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Return the probability of speech, shape (n,), and the two memories after this frame.

        Args:
            sound: -1 to 1, shape (n, 576): the last 64 samples of the frame before, then this one.
            hidden: Shape (n, 128); zeros at the begin of a stream.
            cell: Likewise.
        """
        return self.remember(self.see(sound), hidden, cell)

    def see(self, sound: Floats) -> Floats:
        """Return what each frame does to the memory, shape (n, 512); `sound` as above."""
        loud = sound.any(axis=1)
        if loud.all():
            return self._see(sound)
        seen = np.tile(self._silence, (len(sound), 1))
        if loud.any():
            seen[loud] = self._see(sound[loud])
        return seen

    def _see(self, sound: Floats) -> Floats:
        seen = self._encode(_spectra(sound, self._window)) @ self._seen_gates
        seen += self._cell_bias
        return seen

    def remember(self, seen: Floats, hidden: Floats, cell: Floats) -> tuple[Floats, Floats, Floats]:
        """Return what `__call__` does, from what `see` saw in each stream's next frame."""
        mixed = hidden @ self._hidden_gates
        mixed += seen
        gates = _sigmoid(mixed[:, : 3 * MEMORY])
        cell = gates[:, MEMORY : 2 * MEMORY] * cell
        cell += gates[:, :MEMORY] * np.tanh(mixed[:, 3 * MEMORY :])
        hidden = gates[:, 2 * MEMORY :] * np.tanh(cell)
        speech = np.maximum(hidden, 0) @ self._last
        speech += self._last_bias
        return _sigmoid(speech), hidden, cell

    def _encode(self, spectra: Floats) -> Floats:
        rows = len(spectra)
        out = _convolve(spectra, 1) @ self._first
        out = _relu(out, self._biases[0]).reshape(rows, _STEPS, -1)
        out = _convolve(out, 2) @ self._second
        out = _relu(out, self._biases[1]).reshape(rows, -1)
        out = _relu(out @ self._third, self._biases[2])
        return _relu(out @ self._fourth, self._biases[3])


def _by_place(weights: dict[str, Floats]) -> dict[str, Floats]:
    """Return the weights under the names of `_SHAPES`; the file puts the graph's path before."""
    found = {}
    for place, shape in _SHAPES.items():
        array = next((each for name, each in weights.items() if name.endswith(place)), None)
        if array is None or array.shape != shape:
            got = "is missing" if array is None else f"has shape {array.shape}"
            raise ValueError(f"no net we know: {place} {got}; expected shape {shape}")
        found[place] = array
    return found


def _check_transform(basis: Floats, window: NDArray[np.float64]) -> None:
    """Make sure that the file's transform is the Fourier transform that stands in for it here."""
    fourier = np.fft.rfft(np.diag(window), axis=-1).T
    if np.abs(basis - np.concatenate([fourier.real, fourier.imag])).max() > 1e-3:
        raise ValueError("no net we know: its transform is not a windowed Fourier transform")


def _spectra(sound: Floats, window: NDArray[np.float64]) -> Floats:
    """Return magnitudes, shape (n, 4, 129)."""
    # The net mirrors the last samples at the end, and only there.
    sound = np.concatenate((sound, sound[:, -2 : -2 - CONTEXT_SAMPLES : -1]), axis=1)
    row, sample = sound.strides
    windows = as_strided(
        sound, (len(sound), _STEPS, _WINDOW), (row, _HOP * sample, sample), writeable=False
    )
    spectra: Floats = np.abs(np.fft.rfft(windows * window, axis=-1)).astype(np.float32)
    return spectra


def _convolve(inputs: Floats, stride: int) -> Floats:
    """Lay three steps of time side by side, one row per output step, zeros beyond both ends."""
    rows, steps, channels = inputs.shape
    padded = np.zeros((rows, steps + 2, channels), np.float32)
    padded[:, 1:-1] = inputs
    row, step, channel = padded.strides
    patches = as_strided(
        padded, (rows, steps // stride, 3 * channels), (row, stride * step, channel)
    )
    return patches.reshape(-1, 3 * channels)


def _flat(kernel: Floats) -> Floats:
    return np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, len(kernel)))


def _gates_first(rows: Floats) -> Floats:
    """Put what is new behind the three gates: (in, forget, new, out) -> (in, forget, out, new)."""
    into, forget, new, out = np.split(rows, 4)
    return np.concatenate([into, forget, out, new])


def _relu(values: Floats, bias: Floats) -> Floats:
    values += bias
    return np.maximum(values, 0, out=values)


def _sigmoid(values: Floats) -> Floats:
    with np.errstate(over="ignore"):  # 1 / infinity is the right answer
        out: Floats = np.exp(-values)
    out += 1
    return np.reciprocal(out, out=out)

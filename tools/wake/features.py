"""The features that a head sees, computed as the page computes them (web/src/lib/listen/mel.ts and features.ts)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime

RATE = 16_000
HOP = 1_280
MEL_HOP = 160
MEL_WINDOW = 512
MEL_BANDS = 32
FLOOR_DB = 20.0
ROWS = 76
STEP = 8
SIZE = 96
HEAD_EMBEDDINGS = 16


def _mel_bands() -> np.ndarray:
    """[257, 32]: triangles of area one on Slaney's mel scale, 60 to 3,800 Hz."""
    step = np.log(6.4) / 27

    def to_mel(hz: float) -> float:
        return hz * 3 / 200 if hz < 1000 else 15 + np.log(hz / 1000) / step

    mels = np.linspace(to_mel(60), to_mel(3800), MEL_BANDS + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(step * (mels - 15)))
    hz = np.linspace(0, RATE / 2, MEL_WINDOW // 2 + 1)[:, None]
    low, peak, high = edges[:-2], edges[1:-1], edges[2:]
    return np.maximum(0, np.minimum((hz - low) / (peak - low), (high - hz) / (high - peak))) * (2 / (high - low))


_BANDS = _mel_bands()
_HANN = np.zeros(MEL_WINDOW)
_HANN[56:456] = np.hanning(401)[:-1]


def mel(audio: np.ndarray) -> np.ndarray:
    """[rows, 32], one row for each 10 ms."""
    windows = np.lib.stride_tricks.sliding_window_view(audio.astype(np.float64) * 32768, MEL_WINDOW)[::MEL_HOP]
    power = np.abs(np.fft.rfft(windows * _HANN, axis=1)) ** 2 @ _BANDS
    decibel = np.maximum(FLOOR_DB, 10 * np.log10(np.maximum(power, 1e-10)))
    return (decibel / 10 + 2).astype(np.float32)


class Embedding:
    """The speech embedding, over any length at once.

    As it is published it takes 76 rows. Its convolutions pad nothing in time and its pools shrink time by 8, so over a
    longer spectrum it gives, step by step of 8 rows, exactly what it gives for each window alone, at an eighth of the
    work; only its reshapes have to be told.
    """

    def __init__(self, model: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        longer = _of_any_length(onnx.load(str(model))).SerializeToString()
        self._session = onnxruntime.InferenceSession(longer, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def rows(self, spectrum: np.ndarray) -> np.ndarray:
        """[n, 96]: the embeddings of rows 0 to 76, 8 to 84, ..."""
        return self._session.run(None, {self._input: spectrum[None, :, :, None]})[0].reshape(-1, SIZE)

    def heads(self, audio: np.ndarray, from_s: float, to_s: float) -> tuple[np.ndarray, np.ndarray]:
        """What a head sees at each step of 80 ms from `from_s` to `to_s`: [n, 16, 96], and the seconds of the steps.

        The audio is taken to begin after silence, as in the page.
        """
        silent_rows = ROWS + STEP * HEAD_EMBEDDINGS
        spectrum = mel(np.concatenate([np.zeros(MEL_WINDOW, np.float32), audio]))
        # The rows of the silence before are known; one of them ends where the audio begins.
        silence = np.full((silent_rows - MEL_WINDOW // MEL_HOP, MEL_BANDS), FLOOR_DB / 10 + 2, np.float32)
        lead = len(silence) * MEL_HOP + MEL_WINDOW
        spectrum = np.concatenate([silence, spectrum])
        # The row that ends at sample t of the audio, in rows of the spectrum.
        first_end = int((lead + from_s * RATE - MEL_WINDOW) // MEL_HOP) + 1
        ends = np.arange(first_end, len(spectrum) + 1, STEP)
        seconds = from_s + np.arange(len(ends)) * HOP / RATE
        ends, seconds = ends[seconds < to_s], seconds[seconds < to_s]
        if len(ends) == 0:
            return np.zeros((0, HEAD_EMBEDDINGS, SIZE), np.float32), seconds
        first = ends[0] - STEP * (HEAD_EMBEDDINGS - 1)
        embedded = self.rows(spectrum[first - ROWS : ends[-1]])
        index = np.arange(len(ends))[:, None] + np.arange(HEAD_EMBEDDINGS)[None]
        return embedded[index], seconds


def _of_any_length(model: onnx.ModelProto) -> onnx.ModelProto:
    graph = model.graph
    graph.input[0].type.tensor_type.shape.dim[1].dim_param = "rows"
    del graph.value_info[:]
    del graph.output[0].type.tensor_type.shape.dim[:]
    constants = {constant.name: constant for constant in graph.initializer}
    for node in list(graph.node):
        if node.op_type != "Reshape":
            continue
        before, after = (node.input[0] == graph.input[0].name), (node.output[0] == graph.output[0].name)
        assert before or after, f"an unknown embedding: reshape {node.name}"
        shape = [1, 1, -1, MEL_BANDS] if before else [-1, SIZE]
        # Behind the last convolution the order is [1, 96, steps, 1].
        if after:
            turned = onnx.helper.make_node("Transpose", [node.input[0]], ["by_step"], perm=[0, 2, 3, 1])
            node.input[0] = "by_step"
            graph.node.insert(list(graph.node).index(node), turned)
        constants[node.input[1]].CopyFrom(onnx.numpy_helper.from_array(np.array(shape, np.int64), node.input[1]))
    return model

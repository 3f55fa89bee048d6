"""Third stage: train the head on OUT/features.npz and write it as ONNX, [1, 16, 96] -> [1, 1].

A small network, written out in NumPy so that training needs no framework: each dimension set to mean 0 and spread 1; a
convolution over three steps of time; two dense layers. About 31,000 weights.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TIME, SIZE = 16, 96
KERNEL, CHANNELS, HIDDEN = 3, 32, 48
STEPS = TIME - KERNEL + 1
BATCH = 256
RATE = 1.5e-3
DECAY = 2e-4
INPUT_NOISE = 0.25
# A false wake annoys more often than a miss: there is far more sound without the word than with it.
NEGATIVE_WEIGHT = 2.0


class Head:
    def __init__(self, mean: np.ndarray, spread: np.ndarray, random: np.random.Generator) -> None:
        def weights(*shape: int) -> np.ndarray:
            return (random.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32)

        self.mean, self.spread = mean, spread
        self.layers = [
            weights(KERNEL * SIZE, CHANNELS), np.zeros(CHANNELS, np.float32),
            weights(STEPS * CHANNELS, HIDDEN), np.zeros(HIDDEN, np.float32),
            weights(HIDDEN, 1), np.zeros(1, np.float32),
        ]

    def normal(self, x: np.ndarray) -> np.ndarray:
        return (x.astype(np.float32) - self.mean) / self.spread

    def forward(self, normal: np.ndarray) -> tuple[np.ndarray, ...]:
        w1, b1, w2, b2, w3, b3 = self.layers
        columns = np.concatenate([normal[:, offset : offset + STEPS] for offset in range(KERNEL)], axis=2)
        first = np.maximum(columns.reshape(-1, KERNEL * SIZE) @ w1 + b1, 0).reshape(len(normal), -1)
        second = np.maximum(first @ w2 + b2, 0)
        return columns, first, second, (second @ w3 + b3)[:, 0]

    def scores(self, x: np.ndarray) -> np.ndarray:
        parts = [self.forward(self.normal(x[start : start + 4096]))[-1] for start in range(0, len(x), 4096)]
        return 1 / (1 + np.exp(-np.concatenate(parts))) if parts else np.zeros(0)

    def gradients(self, normal: np.ndarray, y: np.ndarray, weight: np.ndarray, random: np.random.Generator) -> list[np.ndarray]:
        w1, _, w2, _, w3, _ = self.layers
        columns, first, second, logit = self.forward(normal)
        # Dropout on both hidden layers, by masks that also scale.
        keep1 = (random.random(first.shape, np.float32) > 0.2) / np.float32(0.8)
        keep2 = (random.random(second.shape, np.float32) > 0.2) / np.float32(0.8)
        first = first * keep1
        second = np.maximum(first @ w2 + self.layers[3], 0) * keep2
        logit = (second @ w3 + self.layers[5])[:, 0]
        error = ((1 / (1 + np.exp(-logit)) - y) * weight / len(y))[:, None].astype(np.float32)
        d_second = (error @ w3.T) * (second > 0) * keep2
        d_first = ((d_second @ w2.T) * (first > 0) * keep1).reshape(-1, CHANNELS)
        flat = columns.reshape(-1, KERNEL * SIZE)
        return [flat.T @ d_first, d_first.sum(0), first.T @ d_second, d_second.sum(0), second.T @ error, error.sum(0)]


def trained(x: np.ndarray, y: np.ndarray, epochs: int, seed: int) -> Head:
    random = np.random.default_rng(seed)
    sample = x[random.permutation(len(x))[:20_000]].astype(np.float32).reshape(-1, SIZE)
    head = Head(sample.mean(0), sample.std(0) + 1e-3, random)
    means = [np.zeros_like(layer) for layer in head.layers]
    squares = [np.zeros_like(layer) for layer in head.layers]
    positives, negatives = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    # Hard examples are drawn more often, as the last epoch saw them.
    chance = np.full(len(negatives), 1 / len(negatives))
    count = 0
    rounds = max(1, len(x) // BATCH)
    for epoch in range(epochs):
        rate = RATE * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        for _ in range(rounds):
            chosen = np.concatenate([
                random.choice(positives, BATCH // 4), random.choice(negatives, BATCH - BATCH // 4, p=chance),
            ])
            normal = head.normal(x[chosen])
            normal += random.standard_normal(normal.shape, np.float32) * INPUT_NOISE
            target = y[chosen].astype(np.float32)
            weight = np.where(target > 0, 1.0, NEGATIVE_WEIGHT)
            count += 1
            for index, gradient in enumerate(head.gradients(normal, target, weight, random)):
                means[index] += 0.1 * (gradient - means[index])
                squares[index] += 0.001 * (gradient**2 - squares[index])
                step = means[index] / (1 - 0.9**count) / (np.sqrt(squares[index] / (1 - 0.999**count)) + 1e-8)
                head.layers[index] -= (rate * (step + DECAY * head.layers[index] / RATE)).astype(np.float32)
        scores = head.scores(x[negatives])
        chance = 0.3 / len(negatives) + 0.7 * (scores + 1e-3) / (scores + 1e-3).sum()
        chance /= chance.sum()
        hit, false = (head.scores(x[positives]) > 0.5).mean(), (scores > 0.5).mean()
        print(f"epoch {epoch + 1}: rows with the word found {hit:.4f}, rows without it taken for it {false:.5f}", flush=True)
    return head


def to_onnx(head: Head) -> onnx.ModelProto:
    w1, b1, w2, b2, w3, b3 = head.layers
    # Rows of w1 are (offset, dimension); a Conv wants [channels, dimension, offset]. Its output is [channels, step], while
    # the rows of w2 are (step, channel).
    kernel = w1.reshape(KERNEL, SIZE, CHANNELS).transpose(2, 1, 0)
    dense = w2.reshape(STEPS, CHANNELS, HIDDEN).transpose(1, 0, 2).reshape(-1, HIDDEN)
    constants = {
        "mean": head.mean, "spread": head.spread, "kernel": kernel, "kernel_bias": b1, "dense": dense, "dense_bias": b2,
        "out": w3, "out_bias": b3,
    }
    node = helper.make_node
    nodes = [
        node("Sub", ["embeddings", "mean"], ["centred"]), node("Div", ["centred", "spread"], ["normal"]),
        node("Transpose", ["normal"], ["by_dimension"], perm=[0, 2, 1]),
        node("Conv", ["by_dimension", "kernel", "kernel_bias"], ["convolved"], kernel_shape=[KERNEL]),
        node("Relu", ["convolved"], ["first"]), node("Flatten", ["first"], ["flat"], axis=1),
        node("Gemm", ["flat", "dense", "dense_bias"], ["hidden"]), node("Relu", ["hidden"], ["second"]),
        node("Gemm", ["second", "out", "out_bias"], ["logit"]), node("Sigmoid", ["logit"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes, "wake",
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, [1, TIME, SIZE])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [1, 1])],
        [numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="mtor tools/wake")
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--head", type=Path, required=True, help="the ONNX file to write")
    parser.add_argument("--statistics", type=Path, help="a TypeScript file for the centre and spread of the embedding")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=9000)
    given = parser.parse_args()
    data = np.load(given.out / "features.npz")
    head = trained(data["x"], data["y"], given.epochs, given.seed)
    given.head.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(to_onnx(head), str(given.head))
    print(f"{given.head}: {given.head.stat().st_size} bytes")
    if given.statistics:
        given.statistics.write_text(statistics(head))


def statistics(head: Head) -> str:
    def rows(name: str, doc: str, values: np.ndarray) -> str:
        numbers = [f"{value:.3f}" for value in values]
        lines = "\n".join("  " + ", ".join(numbers[start : start + 12]) + "," for start in range(0, SIZE, 12))
        return f"/** {doc} */\nexport const {name} = [\n{lines}\n] as const;\n"

    return (
        "/** Of the speech embedding's 96 numbers, over the training's speech and noise. Written by tools/wake/learn.py. */\n\n"
        + rows("EMBEDDING_CENTRE", "Their means.", head.mean) + "\n" + rows("EMBEDDING_SPREAD", "Their standard deviations.", head.spread)
    )


if __name__ == "__main__":
    main()

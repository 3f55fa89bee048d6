"""Scenes: clips as they sound in a room, through a microphone, with other things going on."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, fftconvolve, resample_poly, sosfilt

RATE = 16_000


def stretched(audio: np.ndarray, random: np.random.Generator, most: float) -> np.ndarray:
    """Faster and higher, or slower and lower: another throat."""
    percent = int(round(100 * random.uniform(1 / most, most)))
    return resample_poly(audio, 100, percent).astype(np.float32)


def room(audio: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A synthetic room: the direct sound, a few reflections, and a tail of decaying noise (RT60 0.15 to 0.8 s)."""
    rt60 = random.uniform(0.15, 0.8)
    length = int(RATE * rt60)
    times = np.arange(length) / RATE
    tail = random.standard_normal(length) * 10 ** (-3 * times / rt60)
    tail[: int(RATE * random.uniform(0.002, 0.012))] = 0
    response = tail * random.uniform(0.02, 0.14)
    response[0] = 1
    for _ in range(random.integers(2, 7)):
        response[random.integers(30, 900) % length] += random.uniform(-0.5, 0.5)
    heard = fftconvolve(audio, response)[: len(audio) + RATE // 4]
    return heard.astype(np.float32)


def microphone(audio: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """What small, cheap or far-away microphones let through."""
    kind = random.integers(4)
    low = random.uniform(60, 350)
    high = [7600, random.uniform(3000, 4000), random.uniform(4500, 7000), random.uniform(2600, 7500)][kind]
    sos = butter(random.integers(1, 4), [low, high], "band", fs=RATE, output="sos")
    heard = sosfilt(sos, audio)
    if random.random() < 0.15:
        heard = np.tanh(heard * random.uniform(2, 6)) / 2
    return heard.astype(np.float32)


def coloured(length: int, slope: float, random: np.random.Generator) -> np.ndarray:
    """Noise whose power falls with frequency: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(random.standard_normal(length))
    spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** (slope / 2)
    return np.fft.irfft(spectrum, length).astype(np.float32)


def music(length: int, random: np.random.Generator) -> np.ndarray:
    """Chords and a beat out of decaying tones."""
    heard = np.zeros(length, np.float32)
    beat = int(RATE * random.uniform(0.2, 0.6))
    root = random.uniform(90, 260)
    for start in range(0, length, beat):
        chord = root * 2 ** (random.choice([0, 2, 4, 5, 7, 9, 12]) / 12) * np.array([1, 1.26, 1.5, 2])
        span = min(length - start, beat * 3)
        times = np.arange(span) / RATE
        for tone in chord:
            for harmonic in range(1, 5):
                phase = random.uniform(0, 6.28)
                heard[start : start + span] += (
                    np.sin(6.2832 * tone * harmonic * times + phase) * np.exp(-times * random.uniform(2, 6)) / harmonic
                )
        if random.random() < 0.5:
            drum = random.standard_normal(min(span, RATE // 10)) * np.exp(-np.arange(min(span, RATE // 10)) / 400)
            heard[start : start + len(drum)] += drum * 2
    return heard


def noise(length: int, random: np.random.Generator, voices: list[np.ndarray]) -> np.ndarray:
    kind = random.integers(6)
    if kind == 5 and voices:
        # Babble: several people at once.
        heard = np.zeros(length, np.float32)
        for _ in range(random.integers(3, 7)):
            talk = np.concatenate([voices[random.integers(len(voices))] for _ in range(3)])
            start = random.integers(max(1, len(talk) - length)) if len(talk) > length else 0
            talk = talk[start : start + length]
            heard[: len(talk)] += talk / (np.sqrt((talk**2).mean()) + 1e-6)
        return heard
    if kind == 4:
        return music(length, random)
    heard = coloured(length, random.uniform(0, 2.2), random)
    if kind == 3:
        times = np.arange(length) / RATE
        hum = sum(np.sin(6.2832 * 50 * harmonic * times) / harmonic for harmonic in range(1, 6))
        heard = heard / heard.std() + hum.astype(np.float32) * random.uniform(0.3, 1.5)
    return heard


def mixed(speech: np.ndarray, other: np.ndarray, snr_db: float) -> np.ndarray:
    """Speech with the noise so many dB below it; loudness of speech is that of its loud parts."""
    loud = np.abs(speech) > 0.1 * np.abs(speech).max()
    power = (speech[loud] ** 2).mean() if loud.any() else 1e-6
    scale = np.sqrt(power / ((other**2).mean() + 1e-12) / 10 ** (snr_db / 10))
    return speech + other[: len(speech)] * scale


def at_level(audio: np.ndarray, peak_db: float) -> np.ndarray:
    return audio / (np.abs(audio).max() + 1e-9) * 10 ** (peak_db / 20)


def as_heard(audio: np.ndarray, random: np.random.Generator, voices: list[np.ndarray]) -> np.ndarray:
    """One scene as a microphone brings it; the timing of what is said stays."""
    length = len(audio)
    if random.random() < 0.6:
        audio = room(audio, random)[:length]
    if random.random() < 0.85:
        audio = mixed(audio, noise(length, random, voices), random.uniform(-2, 30))
    if random.random() < 0.6:
        audio = microphone(audio, random)
    audio = at_level(audio, random.uniform(-32, -1))
    return np.round(np.clip(audio, -1, 1) * 32767).astype(np.float32) / 32768

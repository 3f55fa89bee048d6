"""A Wyoming client that is not ours (the package that Home Assistant uses), against a realm's listener.

python3 wyoming_client.py HOST PORT WAV OUT WAKE: prints what is said in WAV, speaks a sentence into OUT, and waits for the wake word
that is said in WAKE.
"""

import asyncio
import sys
import wave

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop, wav_to_chunks
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)
from wyoming.wake import Detect, Detection, NotDetected

HOST, PORT, WAV, OUT, WAKE = sys.argv[1:]
SAMPLES_PER_CHUNK = 1024
PATIENCE_S = 120
SENTENCES = ["The capital of France is Paris. ", "It lies on the river Seine."]


def connection():
    return AsyncTcpClient(HOST, int(PORT), connect_timeout=10, read_timeout=PATIENCE_S)


async def event_of(client, *kinds):
    """The next event, which must be of one of these kinds."""
    event = await client.read_event()
    assert event is not None, "the realm hung up"
    if Error.is_type(event.type) and Error not in kinds:
        raise AssertionError(f"the realm says: {Error.from_event(event).text}")
    for kind in kinds:
        if kind.is_type(event.type):
            return kind.from_event(event)
    raise AssertionError(f"{event.type} instead of one of {[kind.__name__ for kind in kinds]}")


async def answers_pings(client):
    await client.write_event(Ping(text="still there?").event())
    assert (await event_of(client, Pong)).text == "still there?"


async def describes_itself(client):
    await client.write_event(Describe().event())
    info = await event_of(client, Info)
    assert info.asr and info.asr[0].installed and info.asr[0].models, info.asr
    assert all(model.installed and model.languages for model in info.asr[0].models), info.asr
    assert info.tts and info.tts[0].installed and info.tts[0].voices, info.tts
    assert info.tts[0].supports_synthesize_streaming, info.tts
    assert all(voice.installed and voice.languages for voice in info.tts[0].voices), info.tts
    assert info.wake and info.wake[0].installed, info.wake
    assert [model.name for model in info.wake[0].models if model.installed] == ["computer"], info.wake
    assert info.satellite is None, info
    return info


async def send_wav(client, path=WAV):
    with wave.open(path, "rb") as recording:
        for piece in wav_to_chunks(recording, SAMPLES_PER_CHUNK, start_event=True, stop_event=True):
            await client.write_event(piece.event())


async def transcribes(client, info):
    """What is said in the recording, twice over one connection."""
    texts = []
    for ask in (Transcribe(), Transcribe(name=info.asr[0].models[0].name, language="en")):
        await client.write_event(ask.event())
        await send_wav(client)
        texts.append((await event_of(client, Transcript)).text)
    assert all(texts), texts
    return texts[0]


async def wakes(client):
    """Told of the word in a recording that has it, and of its absence in one that has not."""
    await client.write_event(Detect(names=["computer"]).event())
    await send_wav(client, WAKE)
    assert (await event_of(client, Detection)).name == "computer"
    await client.write_event(Detect().event())
    await send_wav(client)
    await event_of(client, NotDetected)
    await client.write_event(Detect(names=["abracadabra"]).event())
    await send_wav(client, WAKE)
    error = await event_of(client, Error)
    assert "abracadabra" in error.text and "computer" in error.text, error


async def sound_of(client):
    """One stretch of sound, from its start to its stop."""
    start = await event_of(client, AudioStart)
    assert (start.width, start.channels) == (2, 1) and start.rate >= 16_000, start
    sound = b""
    while True:
        event = await event_of(client, AudioChunk, AudioStop)
        if isinstance(event, AudioStop):
            assert len(sound) % 2 == 0
            return start.rate, sound
        assert (event.rate, event.width, event.channels) == (start.rate, 2, 1), event
        sound += event.audio


def is_speech(rate, sound):
    samples = memoryview(sound).cast("h")
    assert len(samples) > rate, f"{len(samples)} samples are too few for a sentence"
    assert max(samples) > 500, "it is silent"


async def speaks(client, info):
    voice = SynthesizeVoice(name=info.tts[0].voices[0].name)
    await client.write_event(Synthesize(text="".join(SENTENCES), voice=voice).event())
    rate, sound = await sound_of(client)
    is_speech(rate, sound)
    with wave.open(OUT, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(sound)


async def speaks_what_is_still_being_written(client):
    await client.write_event(SynthesizeStart().event())
    for sentence in SENTENCES:
        for word in sentence.split(" "):
            await client.write_event(SynthesizeChunk(text=word + " ").event())
    # Home Assistant sends the whole text too, for services that can't take it in pieces.
    await client.write_event(Synthesize(text="".join(SENTENCES)).event())
    await client.write_event(SynthesizeStop().event())
    is_speech(*await sound_of(client))
    await event_of(client, SynthesizeStopped)


async def says_what_is_wrong(client):
    await client.write_event(Synthesize(text="Hello", voice=SynthesizeVoice(name="no such voice")).event())
    error = await event_of(client, Error)
    assert error.text and error.code, error
    await answers_pings(client)


async def main():
    async with connection() as client:
        await answers_pings(client)
        info = await describes_itself(client)
    async with connection() as client:
        print("transcript:", await transcribes(client, info), flush=True)
    async with connection() as client:
        await speaks(client, info)
        await speaks_what_is_still_being_written(client)
        await says_what_is_wrong(client)
    print("spoken:", OUT, flush=True)
    async with connection() as client:
        await wakes(client)
    print("woken", flush=True)


asyncio.run(main())

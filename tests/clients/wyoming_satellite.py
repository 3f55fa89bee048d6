"""Satellites in one process, with the package that real ones use: all hear the same utterance, each as loud as it is told.

python3 wyoming_satellite.py WAV PORT:LOUDNESS... : waits for the realm to connect to each, lets them all hear the wake word
and WAV, and prints one JSON line for each satellite: what it was told, and how much it was given to play. With PORT:LOUDNESS:deaf
it has no ear for wake words, and the realm is asked to listen for the one that is said in WAV.
"""

import asyncio
import contextlib
import json
import sys
import wave

from wyoming.asr import Transcript
from wyoming.audio import AudioChunk, AudioFormat, AudioStart, AudioStop, wav_to_chunks
from wyoming.error import Error
from wyoming.event import async_read_event, async_write_event
from wyoming.info import Attribution, Describe, Info, Satellite, SndProgram
from wyoming.ping import Ping, Pong
from wyoming.pipeline import PipelineStage, RunPipeline
from wyoming.satellite import PauseSatellite, RunSatellite
from wyoming.snd import Played
from wyoming.tts import Synthesize
from wyoming.wake import Detection

WAV = sys.argv[1]
PLACES = [place.split(":") for place in sys.argv[2:]]
SAMPLES_PER_CHUNK = 1024
SND_RATE = 22_050
PATIENCE_S = 180
# Silence after the words, so that their end is noticed.
SILENCE_S = 2.0


def chunks(loudness):
    """The recording at this loudness, with silence after it."""
    with wave.open(WAV, "rb") as recording:
        assert recording.getsampwidth() == 2, "16-bit samples are needed"
        for chunk in wav_to_chunks(recording, SAMPLES_PER_CHUNK):
            samples = memoryview(chunk.audio).cast("h")
            quieter = b"".join(int(sample * loudness).to_bytes(2, "little", signed=True) for sample in samples)
            yield AudioChunk(chunk.rate, chunk.width, chunk.channels, quieter)
        silence = bytes(SAMPLES_PER_CHUNK * 2 * recording.getnchannels())
        for _ in range(int(SILENCE_S * recording.getframerate() / SAMPLES_PER_CHUNK)):
            yield AudioChunk(recording.getframerate(), 2, recording.getnchannels(), silence)


class FakeSatellite:
    def __init__(self, port, loudness, deaf=None):
        self.port, self.loudness, self.is_deaf = int(port), float(loudness), deaf is not None
        self.ready, self.over, self.stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.told = {"loudness": self.loudness, "woken": None, "transcript": None, "answer": None, "played_s": 0.0, "errors": []}

    async def serve(self, reader, writer):
        """One connection of the realm's; it ends with the program."""
        self.writer = writer
        with contextlib.suppress(asyncio.CancelledError):
            await self.listen(reader)

    async def listen(self, reader):
        """What the realm says."""
        while (event := await async_read_event(reader)) is not None:
            if Describe.is_type(event.type):
                await self.say(self.info())
            elif Ping.is_type(event.type):
                await self.say(Pong(text=Ping.from_event(event).text))
            elif RunSatellite.is_type(event.type):
                self.ready.set()
            elif PauseSatellite.is_type(event.type):
                # Told to be quiet: another one was louder.
                self.stopped.set()
                self.over.set()
            elif Detection.is_type(event.type):
                self.told["woken"] = Detection.from_event(event).name
            elif Transcript.is_type(event.type):
                self.told["transcript"] = Transcript.from_event(event).text
                self.stopped.set()
                if not self.told["transcript"]:
                    self.over.set()
            elif Synthesize.is_type(event.type):
                self.told["answer"] = Synthesize.from_event(event).text
            elif AudioStart.is_type(event.type):
                start = AudioStart.from_event(event)
                assert (start.rate, start.width, start.channels) == (SND_RATE, 2, 1), start
            elif AudioChunk.is_type(event.type):
                self.told["played_s"] += AudioChunk.from_event(event).seconds
            elif AudioStop.is_type(event.type):
                await self.say(Played())
                self.over.set()
            elif Error.is_type(event.type):
                self.told["errors"].append(Error.from_event(event).text)
                self.stopped.set()
                self.over.set()

    async def hear(self):
        """The wake word, and then the words, in real time until told that they were understood."""
        if self.is_deaf:
            await self.say(RunPipeline(PipelineStage.WAKE, PipelineStage.TTS, restart_on_end=True))
        else:
            await self.say(Detection(name="computer"))
            await self.say(RunPipeline(start_stage=PipelineStage.ASR, end_stage=PipelineStage.TTS))
        for chunk in chunks(self.loudness):
            if self.stopped.is_set():
                return
            await self.say(chunk)
            await asyncio.sleep(chunk.seconds)

    async def say(self, message):
        await async_write_event(message.event(), self.writer)

    def info(self):
        made = {"attribution": Attribution("test", ""), "installed": True, "description": None, "version": None}
        return Info(
            satellite=Satellite(name=f"satellite {self.port}", area="test", **made),
            snd=[SndProgram(name="speaker", snd_format=AudioFormat(SND_RATE, 2, 1), **made)],
        )


async def main():
    satellites = [FakeSatellite(*place) for place in PLACES]
    servers = [await asyncio.start_server(one.serve, "127.0.0.1", one.port) for one in satellites]
    await asyncio.gather(*(one.ready.wait() for one in satellites))
    await asyncio.gather(*(one.hear() for one in satellites), *(one.over.wait() for one in satellites))
    for one in satellites:
        print(json.dumps(one.told), flush=True)
    for server in servers:
        server.close()


asyncio.run(asyncio.wait_for(main(), PATIENCE_S))

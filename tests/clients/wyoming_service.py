"""A Wyoming service that is not ours: python3 wyoming_service.py PORT. It says how much it hears, and speaks a tone for each
letter; enough to see that sound and text pass through a gateway unharmed.
"""

import asyncio
import math
import sys

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info, TtsProgram, TtsVoice
from wyoming.server import AsyncEventHandler, AsyncServer
from wyoming.tts import Synthesize

RATE = 22_050
MADE = {"attribution": Attribution("test", ""), "installed": True, "version": None}
INFO = Info(
    asr=[AsrProgram("counter", models=[AsrModel("counting", languages=["en"], description=None, **MADE)], description=None, **MADE)],
    tts=[TtsProgram("toner", voices=[TtsVoice("tone", languages=["en_US"], description="A tone", **MADE)], description=None, **MADE)],
)


def tone(letters):
    samples = (int(8_000 * math.sin(2 * math.pi * 440 * n / RATE)) for n in range(letters * RATE // 20))
    return b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)


class Handler(AsyncEventHandler):
    heard_bytes = 0

    async def handle_event(self, event):
        if Describe.is_type(event.type):
            await self.write_event(INFO.event())
        elif Transcribe.is_type(event.type):
            self.heard_bytes = 0
        elif AudioChunk.is_type(event.type):
            chunk = AudioChunk.from_event(event)
            assert (chunk.rate, chunk.width, chunk.channels) == (16_000, 2, 1), chunk
            self.heard_bytes += len(chunk.audio)
        elif AudioStop.is_type(event.type):
            # Counted over the whole: what a piece has beyond its last millisecond is heard too.
            heard_ms = self.heard_bytes * 1_000 // (16_000 * 2)
            await self.write_event(Transcript(text=f" I heard {heard_ms} milliseconds").event())
        elif Synthesize.is_type(event.type):
            await self.speak(Synthesize.from_event(event))
        return True

    async def speak(self, ask):
        if "forbidden" in ask.text:
            await self.write_event(Error(text="I do not say that", code="forbidden").event())
            return
        sound = tone(len(ask.text))
        await self.write_event(AudioStart(rate=RATE, width=2, channels=1).event())
        for start in range(0, len(sound), 2_048):
            await self.write_event(AudioChunk(RATE, 2, 1, sound[start : start + 2_048]).event())
        await self.write_event(AudioStop().event())


asyncio.run(AsyncServer.from_uri(f"tcp://127.0.0.1:{sys.argv[1]}").run(Handler))

"""OpenAI's own Python client, unmodified, hears and speaks through a realm: python openai_audio.py BASE_URL KEY"""

import io
import sys
import wave

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key=sys.argv[2], max_retries=0, timeout=300)
SENTENCE = "The capital of France is Paris, and the river there is the Seine."


def speak(text=SENTENCE, **options):
    return client.audio.speech.create(model="tts-1", voice="alloy", input=text, **options).content


def transcribe(sound, name="a.wav", **options):
    return client.audio.transcriptions.create(model="whisper-1", file=(name, sound), **options)


def seconds_of(wav):
    with wave.open(io.BytesIO(wav)) as sound:
        assert sound.getnchannels() == 1 and sound.getframerate() == 24_000, sound.getparams()
    # The header of a stream says that it does not know how long it will be.
    return (len(wav) - 44) / 48_000


def what_is_spoken_is_understood():
    wav = speak(response_format="wav")
    assert 2 < seconds_of(wav) < 10, seconds_of(wav)
    heard = transcribe(wav)
    assert "Paris" in heard.text, heard
    assert heard.usage.type == "duration" and heard.usage.seconds >= 2, heard.usage
    return wav


def every_format_is_one_that_others_can_read():
    for form, begins in [("mp3", (b"ID3", b"\xff")), ("opus", (b"OggS",)), ("flac", (b"fLaC",))]:
        sound = speak(response_format=form)
        assert sound.startswith(begins), (form, sound[:8])
        assert "Paris" in transcribe(sound, name=f"a.{form}").text, form
    assert speak().startswith((b"ID3", b"\xff")), "mp3 unless it is said otherwise"
    assert len(speak(response_format="pcm")) % 2 == 0


def words_have_their_times(wav):
    detailed = transcribe(wav, response_format="verbose_json", timestamp_granularities=["word", "segment"])
    assert detailed.language == "en" and detailed.duration > 2, detailed
    words = [word.word.strip(" .,").lower() for word in detailed.words]
    assert "paris" in words and "river" in words, words
    times = [(word.start, word.end) for word in detailed.words]
    assert all(start <= end for start, end in times) and times == sorted(times), times
    assert times[-1][1] <= detailed.duration + 0.5, times
    assert "-->" in transcribe(wav, response_format="srt")
    assert transcribe(wav, response_format="vtt").startswith("WEBVTT")
    assert "Paris" in transcribe(wav, response_format="text")


def words_come_as_a_stream(wav):
    events = list(transcribe(wav, stream=True))
    assert events[-1].type == "transcript.text.done" and "Paris" in events[-1].text, events
    assert "".join(event.delta for event in events[:-1]) == events[-1].text, events


def sound_comes_as_a_stream():
    with client.audio.speech.with_streaming_response.create(
        model="default", voice="default", input=SENTENCE + " " + SENTENCE, response_format="pcm"
    ) as response:
        pieces = [piece for piece in response.iter_bytes(4_096)]
    assert len(pieces) > 10, len(pieces)


def refused(call):
    try:
        call()
    except openai.APIStatusError as error:
        assert error.message, error
        return error
    raise AssertionError("it was not refused")


def what_can_not_be_done_is_said():
    no_sound = refused(lambda: transcribe(b"This is a text, whatever its name says.\n" * 50))
    assert no_sound.status_code in (400, 415, 422), no_sound
    assert refused(lambda: transcribe(b"")).param == "file"
    assert refused(lambda: speak(text="")).param == "input"
    assert refused(lambda: speak(response_format="aac")).param == "response_format"
    unknown = refused(lambda: client.audio.speech.create(model="gpt-9", voice="alloy", input="Hi"))
    assert unknown.code == "model_not_found", unknown
    nobody = refused(lambda: client.audio.speech.create(model="default", voice="nobody at all", input="Hi"))
    assert nobody.status_code == 400, nobody


spoken = what_is_spoken_is_understood()
every_format_is_one_that_others_can_read()
words_have_their_times(spoken)
words_come_as_a_stream(spoken)
sound_comes_as_a_stream()
what_can_not_be_done_is_said()
print("heard and understood")

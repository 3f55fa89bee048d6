#!/bin/sh
# Makes the files of this folder: one second of a 440 Hz tone in the formats that people bring. Needs ffmpeg.
set -eu
cd "$(dirname "$0")"
tone() { # FILE, CHANNELS, RATE, encoder options...
    file=$1 channels=$2 rate=$3; shift 3
    ffmpeg -v error -y -f lavfi -i "sine=frequency=440:sample_rate=$rate:duration=1" -af "volume=12dB" \
        -ac "$channels" -ar "$rate" -map_metadata -1 -fflags +bitexact -flags +bitexact "$@" "$file"
}
tone tone.mp3 1 44100 -c:a libmp3lame -b:a 32k
tone tone.flac 1 16000 -c:a flac
tone tone-vorbis.ogg 1 22050 -c:a libvorbis -q:a 0 -page_duration 100000
tone tone-opus.ogg 1 48000 -c:a libopus -b:a 24k -page_duration 100000
tone tone-opus.webm 2 48000 -c:a libopus -b:a 24k
tone tone-aac.m4a 1 44100 -c:a aac -b:a 32k
tone tone.aac 1 44100 -c:a aac -b:a 32k
ffmpeg -v error -y -f lavfi -i color=size=16x16:rate=5:duration=1 -c:v libvpx -b:v 5k -map_metadata -1 -fflags +bitexact silent-film.webm

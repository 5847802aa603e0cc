#!/bin/bash
# Remakes clip.ivf (VP8, 320x180, 16 frames a second, 3 s, a key frame each second) and clip.ogg (Opus, 48 kHz mono,
# 20 ms packets, one on each Ogg page because pion's reader hands out whole pages) beside this script. Both are drawn by
# ffmpeg itself, so they are Parley's own. Needs ffmpeg with libvpx and libopus (Debian: apt-get install ffmpeg).
# The same versions of ffmpeg and its libraries give the same bytes; others give another clip that works as well.
set -eu
cd "$(dirname "$0")"

ffmpeg -v error -y -f lavfi -i "testsrc2=size=320x180:rate=16:duration=3" -pix_fmt yuv420p \
  -c:v libvpx -deadline best -threads 1 -b:v 180k -crf 30 -qmin 4 -qmax 56 \
  -g 16 -keyint_min 16 -auto-alt-ref 0 -lag-in-frames 0 \
  -fflags +bitexact -flags:v +bitexact -map_metadata -1 clip.ivf

ffmpeg -v error -y -f lavfi -i "sine=frequency=440:sample_rate=48000:duration=3,volume=0.25" -ac 1 \
  -c:a libopus -application audio -b:a 16k -vbr on -frame_duration 20 -page_duration 20000 \
  -fflags +bitexact -flags:a +bitexact -map_metadata -1 clip.ogg

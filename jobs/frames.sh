#!/bin/sh
# frames.sh - frames of a detector for jobs/detector.yaml, as a .npy of bytes:
#   sh jobs/frames.sh >jobs/frames.npy
# 400 frames of 16 x 16 pixels: rings of two samples that take turns, noise, a
# beam stop in the middle, a hot pixel at the rim.  Every 50th frame, from
# number 49 on, has the beam beside the sample: no ring, but a bright spot.
LC_ALL=C exec awk '
# Whole numbers alone, so that every awk makes the same bytes.
function random(n)
{
    seed = (seed * 16807) % 2147483647
    return seed % n
}

# Photons at (y, x) of frame f, before noise; r2: squared way to the middle,
# of which a pixel is 4.
function photons(f, y, x, r2)
{
    if (r2 < 20)
        return 0
    if (f % 50 == 49)
        return (y - 4) ^ 2 + (x - 11) ^ 2 < 5 ? 180 : 12
    if (int(f / 25) % 2)
        return r2 > 80 && r2 < 130 ? 90 : 12
    return r2 > 140 && r2 < 210 ? 70 : 12
}

function pixel(f, y, x,    r2, n)
{
    r2 = (2 * y - 15) ^ 2 + (2 * x - 15) ^ 2
    n = photons(f, y, x, r2)
    if (y == 0 && x == 3)
        return 255
    return n ? n + random(int(n / 6) + 2) : 0
}

BEGIN {
    seed = 20191
    frames = 400
    text = sprintf("{%cdescr%c: %c|u1%c, %cfortran_order%c: False, ", \
        39, 39, 39, 39, 39, 39) \
        sprintf("%cshape%c: (%d, 16, 16), }", 39, 39, frames)
    printf "%cNUMPY%c%c%c%c%-117s\n", 147, 1, 0, 118, 0, text
    for (f = 0; f < frames; f++)
        for (y = 0; y < 16; y++)
            for (x = 0; x < 16; x++)
                printf "%c", pixel(f, y, x)
}'

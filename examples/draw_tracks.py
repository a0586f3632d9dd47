#!/usr/bin/env python3
"""Draws examples/tracks.png, a railway switch under a blue sky: draw_tracks.py FILE. Nothing but Python is needed."""
import sys

from rgb_png import png

WIDTH, HEIGHT, HORIZON = 320, 240, 90
SAMPLES = (0.25, 0.75)  # per pixel and direction, against jagged edges


def track(ground_x, depth, centre):
    """Colour of the track whose middle lies at `centre` on the ground, or None beside it."""
    offset = abs(ground_x - centre)
    if 0.68 < offset < 0.76:
        return (196, 198, 204)
    if offset < 1.15 and depth * 1.6 % 1 < 0.45:
        return (98, 68, 46)
    return (150, 143, 134) if offset < 1.5 else None


def colour(x, y):
    if y < HORIZON + 6 * abs((x / 53) % 2 - 1):  # sky, with hills where the horizon is not flat
        return (110 + y * 0.9, 165 + y * 0.6, 230) if y < HORIZON else (70, 104, 84)
    depth = 90 / (y - HORIZON + 1)  # of the ground seen through this point
    ground_x = (x - WIDTH * 0.42) * depth / 75
    branch = 0.11 * max(depth - 1.0, 0) ** 2  # the second track leaves the first
    return track(ground_x, depth, 0) or track(ground_x, depth, branch) or (86, 128 + 14 * (int(depth * 3) % 2), 62)


def pixel(x, y):
    seen = [colour(x + dx, y + dy) for dy in SAMPLES for dx in SAMPLES]
    return bytes(int(sum(channel) / len(seen)) for channel in zip(*seen))


with open(sys.argv[1], "wb") as file:
    file.write(png(WIDTH, HEIGHT, b"".join(pixel(x, y) for y in range(HEIGHT) for x in range(WIDTH))))

#!/usr/bin/env python3
"""Composes data/samples from drawings in the public domain (Debian's openclipart-png): each on a plain background, 64 x 64.
compose_samples.py OPENCLIPART OUT, where OPENCLIPART is the package's folder usr/share/openclipart/png. Needs Pillow."""
import sys
from pathlib import Path
from PIL import Image

SKY, GRASS, SEA = ((120, 170, 220), (200, 220, 235)), ((190, 215, 235), (110, 150, 70)), ((170, 205, 235), (40, 80, 130))
ROAD, ROOM = ((190, 210, 225), (120, 118, 112)), ((205, 195, 180), (150, 130, 110))
SIDE, FINAL = 256, 64


def compose(drawing, colours, margin):
    """The drawing in the middle of a background that goes from one colour at the top to another at the bottom."""
    top, bottom = colours
    picture = Image.new("RGB", (1, SIDE))
    for y in range(SIDE):
        picture.putpixel((0, y), tuple(int(a + (b - a) * y / (SIDE - 1)) for a, b in zip(top, bottom)))
    picture = picture.resize((SIDE, SIDE))
    drawing = drawing.crop(drawing.getchannel("A").getbbox())
    scale = SIDE * (1 - 2 * margin) / max(drawing.size)
    drawing = drawing.resize([max(1, int(n * scale)) for n in drawing.size], Image.LANCZOS)
    picture.paste(drawing, [(SIDE - n) // 2 for n in drawing.size], drawing)
    return picture.resize((FINAL, FINAL), Image.LANCZOS)

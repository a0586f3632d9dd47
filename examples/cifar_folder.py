#!/usr/bin/env python3
"""Makes a small folder of pictures to fine-tune on, out of CIFAR-10: OUT/train and OUT/val with a folder each for animals and
vehicles. cifar_folder.py CIFAR OUT, where CIFAR holds data_batch_1.bin and test_batch.bin. Nothing but Python is needed."""
import struct
import sys
import zlib
from pathlib import Path

SIDE, RECORD = 32, 3073
VEHICLES = (0, 1, 8, 9)  # airplane, automobile, ship, truck


def png(planes):
    """A PNG file of 32 x 32 red, then green, then blue bytes."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    n = SIDE * SIDE
    rgb = bytes(planes[c * n + i] for i in range(n) for c in range(3))
    rows = b"".join(b"\0" + rgb[3 * SIDE * y:3 * SIDE * (y + 1)] for y in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def write(source, folder, each):
    """The first `each` pictures of either kind."""
    data, count = source.read_bytes(), {"animal": 0, "vehicle": 0}
    for at in range(0, len(data), RECORD):
        name = "vehicle" if data[at] in VEHICLES else "animal"
        if count[name] == each:
            continue
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / f"{count[name]:04}.png").write_bytes(png(data[at + 1:at + RECORD]))
        count[name] += 1


if len(sys.argv) != 3:
    sys.exit(__doc__)
cifar, out = map(Path, sys.argv[1:])
write(cifar / "data_batch_1.bin", out / "train", 200)
write(cifar / "test_batch.bin", out / "val", 100)

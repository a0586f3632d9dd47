#!/usr/bin/env python3
"""Makes a small folder of pictures to fine-tune on, out of CIFAR-10: OUT/train and OUT/val with a folder each for animals and
vehicles. cifar_folder.py CIFAR OUT, where CIFAR holds data_batch_1.bin and test_batch.bin. Nothing but Python is needed."""
import sys
from pathlib import Path

from rgb_png import png

SIDE, RECORD = 32, 3073
VEHICLES = (0, 1, 8, 9)  # airplane, automobile, ship, truck


def picture(planes):
    """A PNG file of 32 x 32 red, then green, then blue bytes."""
    n = SIDE * SIDE
    return png(SIDE, SIDE, bytes(planes[c * n + i] for i in range(n) for c in range(3)))


def write(source, folder, each):
    """The first `each` pictures of either kind."""
    data, count = source.read_bytes(), {"animal": 0, "vehicle": 0}
    for at in range(0, len(data), RECORD):
        name = "vehicle" if data[at] in VEHICLES else "animal"
        if count[name] == each:
            continue
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / f"{count[name]:04}.png").write_bytes(picture(data[at + 1:at + RECORD]))
        count[name] += 1


if len(sys.argv) != 3:
    sys.exit(__doc__)
cifar, out = map(Path, sys.argv[1:])
write(cifar / "data_batch_1.bin", out / "train", 200)
write(cifar / "test_batch.bin", out / "val", 100)

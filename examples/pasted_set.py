#!/usr/bin/env python3
"""Makes a set to learn detection and segmentation on, out of CIFAR-10: pictures with textured backgrounds, onto each of which 1 to 5
pictures of CIFAR's are pasted at half to double size, cut to round shapes, some of them partly covered by later ones.

pasted_set.py [--train N] [--test N] [--side N] [--seed N] CIFAR OUT, where CIFAR holds data_batch_1.bin ... and test_batch.bin. Then
OUT/train and OUT/val have the pictures, made of CIFAR's training and test pictures, and OUT/annotations/instances_train.json and
instances_val.json their objects in COCO's format: box, area and mask (as runs) of what is visible. The same seed gives the same files.
Nothing but Python is needed."""
import argparse
import json
import math
import multiprocessing
import random
from pathlib import Path

from rgb_png import png

SIDE, RECORD = 32, 3073
CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()
MOST_OBJECTS, LEAST_VISIBLE = 5, .4


def between(dice, low, high):
    """A whole number, low and high included."""
    return low + int(dice.random() * (high + 1 - low))


def background(dice, side):
    """Two waves between two colours, with noise: rows of [red, green, blue]."""
    first, second = ([dice.random() * 255 for _ in range(3)] for _ in range(2))
    waves = [(dice.uniform(-.6, .6), dice.uniform(-.6, .6), dice.uniform(0, 6.3)) for _ in range(2)]
    grain = dice.uniform(.05, .4)
    rows = []
    for y in range(side):
        noise = dice.getrandbits(8 * side).to_bytes(side, "little")
        row = []
        for x in range(side):
            share = .5 + sum(.25 * math.sin(a * x + b * y + c) for a, b, c in waves)
            add = grain * (noise[x] - 128)
            row.append([min(255, max(0, int(p + (q - p) * share + add))) for p, q in zip(first, second)])
        rows.append(row)
    return rows


def resized(planes, side):
    """32 x 32 red, then green, then blue bytes as rows of [red, green, blue], side x side, bilinear between centres."""
    axis = []
    for i in range(side):
        at = min(SIDE - 1., max(0., (i + .5) * SIDE / side - .5))
        low = min(int(at), SIDE - 2)
        axis.append((low, at - low))
    wide = [[[line[low] + (line[low + 1] - line[low]) * part for low, part in axis]
             for line in (planes[SIDE * k:SIDE * (k + 1)] for k in range(SIDE * c, SIDE * (c + 1)))] for c in range(3)]
    return [[[int(wide[c][low][x] + (wide[c][low + 1][x] - wide[c][low][x]) * part + .5) for c in range(3)]
             for x in range(side)] for low, part in axis]


def shape(dice, side):
    """The pixels (x, y) of an object in its square: a rounded area around the middle."""
    power, wide, high = dice.uniform(2, 6), dice.uniform(.8, 1), dice.uniform(.8, 1)
    half = side / 2
    return [(x, y) for y in range(side) for x in range(side)
            if (abs(x + .5 - half) / (half * wide)) ** power + (abs(y + .5 - half) / (half * high)) ** power <= 1]


def place(dice, side, canvas, near):
    """The left upper corner. near: the middle of an object to be put beside or upon, or None."""
    if near is None or dice.random() < .5:
        return [between(dice, 0, canvas - side) for _ in range(2)]
    return [min(canvas - side, max(0, int(c + dice.uniform(-1, 1) * side - side / 2))) for c in near]


def covers_too_much(owner, pixels, visible, sizes):
    """Whether so little of an earlier object would be left that nobody could tell what it is."""
    lost = {}
    for x, y in pixels:
        lost[owner[y][x]] = lost.get(owner[y][x], 0) + 1
    return any(visible[k] - n < LEAST_VISIBLE * sizes[k] for k, n in lost.items() if k >= 0)


def annotation(owner, number, area, canvas):
    """Of the pixels that belong to object `number`."""
    runs, inside = [0], False
    left, top, right, bottom = canvas, canvas, 0, 0
    for x in range(canvas):
        for y in range(canvas):
            if (owner[y][x] == number) != inside:
                inside = not inside
                runs.append(0)
            runs[-1] += 1
            if inside:
                left, top, right, bottom = min(left, x), min(top, y), max(right, x + 1), max(bottom, y + 1)
    return {"bbox": [left, top, right - left, bottom - top], "area": area, "iscrowd": 0,
            "segmentation": {"size": [canvas, canvas], "counts": runs}}


def make(job):
    """One picture: writes it, and returns its annotations. It depends on nothing but its seed."""
    path, text, canvas, records = job
    dice = random.Random(text)
    rows = background(dice, canvas)
    owner = [[-1] * canvas for _ in range(canvas)]
    visible, sizes, classes, near = [], [], [], None
    for _ in range(between(dice, 1, MOST_OBJECTS)):
        record = records[int(dice.random() * len(records))]
        side = round(SIDE * 2 ** dice.uniform(-1, 1))
        inside = shape(dice, side)
        for _ in range(20):
            left, top = place(dice, side, canvas, near)
            pixels = [(left + x, top + y) for x, y in inside]
            if not covers_too_much(owner, pixels, visible, sizes):
                break
        else:
            continue
        picture = resized(record[1:], side)
        for x, y in pixels:
            if owner[y][x] >= 0:
                visible[owner[y][x]] -= 1
            owner[y][x] = len(visible)
            rows[y][x] = picture[y - top][x - left]
        visible.append(len(pixels))
        sizes.append(len(pixels))
        classes.append(record[0])
        near = left + side / 2, top + side / 2
    path.write_bytes(png(canvas, canvas, bytes(v for row in rows for pixel in row for v in pixel)))
    return [dict(annotation(owner, k, visible[k], canvas), category_id=classes[k] + 1) for k in range(len(visible))]


def records_of(files):
    data = b"".join(f.read_bytes() for f in files)
    if not data or len(data) % RECORD:
        raise SystemExit(f"{', '.join(map(str, files))}: no files of CIFAR-10's binary version")
    return [data[at:at + RECORD] for at in range(0, len(data), RECORD)]


def write(options, split, count, files):
    folder = options.out / split
    folder.mkdir(parents=True, exist_ok=True)
    (options.out / "annotations").mkdir(exist_ok=True)
    records = records_of(files)
    names = [f"{i + 1:06}.png" for i in range(count)]
    jobs = ((folder / name, f"{options.seed} {split} {name}", options.side, records) for name in names)
    annotations = []
    for i, found in enumerate(map(make, jobs) if options.processes == 1 else spread(options.processes, jobs, records)):
        annotations += [dict(one, id=len(annotations) + k + 1, image_id=i + 1) for k, one in enumerate(found)]
    text = json.dumps({
        "images": [{"id": i + 1, "file_name": name, "height": options.side, "width": options.side}
                   for i, name in enumerate(names)],
        "categories": [{"id": k + 1, "name": name} for k, name in enumerate(CLASSES)],
        "annotations": annotations})
    (options.out / "annotations" / f"instances_{split}.json").write_text(text)
    print(f"{folder}: {count} pictures, {len(annotations)} objects")


def take_records(records):
    global shared
    shared = records


def make_shared(job):
    return make(job + (shared,))


def spread(processes, jobs, records):
    """As map(make, jobs), by several processes; each gets the records once."""
    with multiprocessing.Pool(processes, take_records, (records,)) as pool:
        yield from pool.imap(make_shared, (job[:3] for job in jobs), 16)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=int, default=5000, metavar="N", help="training pictures; default 5000")
    parser.add_argument("--test", type=int, default=500, metavar="N", help="test pictures; default 500")
    parser.add_argument("--side", type=int, default=128, metavar="N", help="their sides in pixels; default 128")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count(), metavar="N")
    parser.add_argument("cifar", type=Path, metavar="CIFAR")
    parser.add_argument("out", type=Path, metavar="OUT")
    options = parser.parse_args()
    if options.side < 2 * SIDE:
        parser.error(f"--side {options.side}: must be at least {2 * SIDE}, the side of the largest object")
    write(options, "train", options.train, sorted(options.cifar.glob("data_batch_*.bin")))
    write(options, "val", options.test, [options.cifar / "test_batch.bin"])


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""COCO data sets drawn at random, with what pycocotools (PyPI) makes of them.

coco.py            writes tests/golden/coco.json: some sets, for tests/coco/coco.c
coco.py --check N  draws N sets and compares each figure of `shunt score` with pycocotools'

A set has crowds, equal scores, categories without objects or detections, boxes of no area, areas on the borders of the ranges,
pictures with more than 100 detections, polygons that cross themselves, leave the picture or are lines, and an object of id 0.
"""
import argparse
import contextlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile

import numpy
from pycocotools import mask as masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

TASKS = {"boxes": "bbox", "masks": "segm", "keypoints": "keypoints"}


def polygon(dice, height, width):
    kind = dice.random()
    corners = dice.choice([3, 3, 4, 5, 12])
    if kind < .1:  # a line
        x, y = dice.uniform(0, width), dice.uniform(0, height)
        return [round(v, 2) for _ in range(3) for v in (x, y)] if dice.random() < .3 else [round(x, 2), 1.5, round(x, 2), 9.25, round(x, 2), 4]
    margin = 6 if kind < .4 else -1
    points = [(dice.uniform(-margin, width + margin), dice.uniform(-margin, height + margin)) for _ in range(corners)]
    whole = dice.random() < .3
    return [round(v) if whole else round(v, 2) for point in points for v in point]


def text(counts):
    return counts if isinstance(counts, str) else counts.decode()


def runs(dice, height, width, compressed):
    y, x = sorted(dice.sample(range(height + 1), 2)), sorted(dice.sample(range(width + 1), 2))
    pixels = numpy.zeros((height, width), dtype=numpy.uint8, order="F")
    pixels[y[0]:y[1], x[0]:x[1]] = 1
    if dice.random() < .5:
        pixels &= (numpy.random.RandomState(dice.randrange(1 << 30)).rand(height, width) < .7).astype(numpy.uint8)
    if compressed:
        encoded = masks.encode(pixels)
        return {"size": encoded["size"], "counts": text(encoded["counts"])}
    flat, counts, value, run = pixels.flatten(order="F"), [], 0, 0
    for pixel in flat:
        if pixel != value:
            counts.append(run)
            value, run = pixel, 0
        run += 1
    return {"size": [height, width], "counts": counts + [run]}


def box(dice, height, width):
    x, y = dice.uniform(-2, width), dice.uniform(-2, height)
    w, h = dice.choice([(0, 3), (1, 1), (32, 32), (dice.uniform(1, width), dice.uniform(1, height))])
    return [round(v, dice.choice([0, 2])) for v in (x, y, w, h)]


def joints(dice, height, width):
    hidden = dice.random() < .15
    return [v for _ in range(17) for v in (round(dice.uniform(0, width), 1), round(dice.uniform(0, height), 1),
                                           0 if hidden else dice.choice([0, 1, 2]))]


def moved(dice, values, by):
    return [round(v + dice.gauss(0, by), 2) for v in values]


def draw(seed):
    dice = random.Random(seed)
    pictures = [{"id": n, "height": dice.randrange(20, 130), "width": dice.randrange(20, 130)}
                for n in dice.sample(range(1000), dice.randrange(1, 7))]
    categories = [{"id": n, "name": f"thing {n}"} for n in dice.sample(range(100), dice.randrange(1, 4))]
    truth, found = [], {task: [] for task in TASKS}
    number = dice.randrange(2)
    for picture in pictures:
        h, w = picture["height"], picture["width"]
        for _ in range(dice.choice([0, 1, 3, 8])):
            crowd = int(dice.random() < .15)
            shape = runs(dice, h, w, dice.random() < .5) if crowd else [polygon(dice, h, w) for _ in range(dice.choice([1, 1, 2, 3]))]
            one = {"id": number, "image_id": picture["id"], "category_id": dice.choice(categories)["id"], "iscrowd": crowd,
                   "bbox": box(dice, h, w), "segmentation": shape, "keypoints": joints(dice, h, w)}
            one["area"] = dice.choice([one["bbox"][2] * one["bbox"][3], 1024, 9216, 0, dice.uniform(1, 12000)])
            one["num_keypoints"] = sum(flag > 0 for flag in one["keypoints"][2::3])
            truth.append(one)
            number += 1
            for _ in range(dice.choice([0, 1, 1, 2])):  # near it
                same = {"image_id": picture["id"], "score": dice.choice([.5, .75, round(dice.random(), 3)]),
                        "category_id": one["category_id"] if dice.random() < .9 else dice.choice(categories)["id"]}
                near = moved(dice, one["bbox"], dice.choice([0, 1, 5]))
                found["boxes"].append(dict(same, bbox=near[:2] + [abs(near[2]), abs(near[3])]))
                shape = COCO.annToRLE(fake(picture), one)
                if dice.random() < .5:
                    shape = masks.merge([shape, masks.encode(numpy.asfortranarray(numpy.eye(h, w, dtype=numpy.uint8)))])
                shape = {"size": list(shape["size"]), "counts": text(shape["counts"])}
                found["masks"].append(dict(same, segmentation=shape))
                found["keypoints"].append(dict(same, keypoints=moved(dice, one["keypoints"], dice.choice([0, .5, 3]))))
        for _ in range(dice.choice([0, 2, 2, 5, 130])):  # anywhere
            same = {"image_id": picture["id"], "category_id": dice.choice(categories)["id"], "score": round(dice.random(), 2)}
            found["boxes"].append(dict(same, bbox=box(dice, h, w)))
            if len(found["masks"]) < 60:
                found["masks"].append(dict(same, segmentation=runs(dice, h, w, True)))
            if len(found["keypoints"]) < 60:
                found["keypoints"].append(dict(same, keypoints=joints(dice, h, w)))
    for results in found.values():
        dice.shuffle(results)
    return {"images": pictures, "categories": categories, "annotations": truth}, found


def fake(picture):
    """What annToRLE needs of a COCO object."""
    coco = COCO()
    coco.imgs = {picture["id"]: picture}
    return coco


def reference(truth, results, task):
    with contextlib.redirect_stdout(io.StringIO()), tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(truth, file)
        file.flush()
        coco = COCO(file.name)
        found = coco.loadRes(json.loads(json.dumps(results))) if results else None
        if not found:
            return None
        evaluation = COCOeval(coco, found, TASKS[task])
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(v) for v in evaluation.stats]


def ours(truth, results, task):
    with tempfile.TemporaryDirectory() as folder:
        for name, value in (("truth", truth), ("results", results)):
            with open(os.path.join(folder, name), "w") as file:
                json.dump(value, file)
        said = subprocess.run(["shunt", "score", "--truth", folder + "/truth", "--task", task, "--json", folder + "/results"],
                              stdout=subprocess.PIPE, check=True)
    report = json.loads(said.stdout)
    return [-1. if value is None else value for name, value in report.items() if name.startswith("A")]


def check(count):
    worst, figures = 0, 0
    for seed in range(count):
        truth, found = draw(seed)
        for task in TASKS:
            expected = reference(truth, found[task], task)
            if expected is None:
                continue
            is_now = ours(truth, found[task], task)
            figures += len(expected)
            apart = max(abs(a - b) for a, b in zip(expected, is_now)) if len(expected) == len(is_now) else 9
            worst = max(worst, apart)
            if apart > 1e-6:
                print(f"set {seed}, {task}: expected {expected}, found {is_now}")
    print(f"{count} sets, {figures} figures: the largest difference is {worst:.2g}")
    return worst > 1e-6


def write():
    sets = []
    for seed in range(6):
        truth, found = draw(seed)
        sets.append({"truth": truth, "results": found, "expected": {task: reference(truth, found[task], task) for task in TASKS}})
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "coco.json")
    with open(path, "w") as file:
        json.dump(sets, file, separators=(",", ":"))
        file.write("\n")


parser = argparse.ArgumentParser()
parser.add_argument("--check", type=int)
arguments = parser.parse_args()
sys.exit(check(arguments.check) if arguments.check else write())

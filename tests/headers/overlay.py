#!/usr/bin/env python3
"""examples/overlay.c with the network that comes with Shunt, against NumPy and the scalar backend: overlay.py OVERLAY SOURCE
The picture changes below only, where the bar is as long as the best class is probable."""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np


def expected_share(picture, weights):
    """The best class's probability, of the picture filtered as the example does."""
    import shunt
    model, device = shunt.Model.open(weights), shunt.Device("scalar")
    side, how = model.preprocess.crop, model.preprocess
    height, width = picture.shape[:2]
    rows, columns = np.arange(side) * height // side, np.arange(side) * width // side
    planes = (picture[rows][:, columns].astype(np.float32) / 255 - np.float32(how.mean)) / np.float32(how.std)
    scores = model.run(np.ascontiguousarray(planes.transpose(2, 0, 1)[None]), device)[0].astype(np.float64)
    return np.exp(scores.max()) / np.exp(scores).sum()


def read_ppm(path):
    header, pixels = path.read_bytes().split(b"\n", 1)
    _, width, height, _ = header.split()
    return np.frombuffer(pixels, np.uint8).reshape(int(height), int(width), 3)


def main(overlay, source):
    lines = len((pathlib.Path(source) / "examples/overlay.c").read_text(encoding="utf-8").splitlines())
    if lines > 120:
        sys.exit(f"the example has {lines} lines, more than 120")
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        weights = str(pathlib.Path(source) / "data/models/resnet20-cifar10.safetensors")
        picture = np.random.default_rng(1).integers(0, 256, (96, 160, 3), np.uint8)
        (folder / "in.ppm").write_bytes(b"P6 160 96 255\n" + picture.tobytes())
        for frames in ("1", "30"):
            done = subprocess.run([overlay, weights, folder / "in.ppm", folder / "out.ppm", frames], capture_output=True,
                                  text=True, check=False, env={**os.environ, "SHUNT_CACHE_DIR": str(folder / "cache")})
            if done.returncode:
                sys.exit(f"exit status {done.returncode}: {done.stderr}")
            drawn = read_ppm(folder / "out.ppm")
            if frames == "30": # the filter has seen the bar
                continue
            if not np.array_equal(drawn[:90], picture[:90]):
                sys.exit("the picture changed above the bar")
            bar = (drawn[90:] == (255, 64, 0)).all(2).sum(1)
            share = expected_share(picture, weights)
            print(f"bar {bar.tolist()}, expected {160 * share:.2f}")
            if not 0.05 < share < 0.95:
                sys.exit("a bar of any length but none or all would tell more")
            if bar.min() != bar.max() or abs(bar[0] - 160 * share) > 1 or (drawn[90:, bar[0]:] != 0).any():
                sys.exit("the bar is not as long as the class is probable")
        done = subprocess.run([overlay, "nowhere", folder / "in.ppm", folder / "out.ppm"], capture_output=True, text=True, check=False)
        if done.returncode != 1 or "nowhere" not in done.stderr:
            sys.exit(f"a missing model: {done.returncode}: {done.stderr}")


main(*sys.argv[1:])

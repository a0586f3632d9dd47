#!/usr/bin/env python3
"""The programs of docs/python.md run, in their order: page.py SOURCE FIXTURE (a program that writes a weight file)"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np


def main(source, fixture):
    page = (pathlib.Path(source) / "docs/python.md").read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
    fixture = pathlib.Path(fixture).resolve()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        subprocess.run([fixture, "resnet20", "mine.safetensors"], check=True)
        shutil.copy(pathlib.Path(source) / "tests/golden/onnx/opset17_residual/model.onnx", "net.onnx")
        for i in range(4):
            picture = np.random.default_rng(i).integers(0, 256, (32, 32, 3), np.uint8) // 2 + 100 * (i % 2)
            path = pathlib.Path("set") / "ab"[i % 2] / f"{i}.ppm"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"P6\n32 32\n255\n" + picture.astype(np.uint8).tobytes())
        shutil.copy("set/a/0.ppm", "plane.ppm")
        for number, program in enumerate(programs, 1):
            result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False,
                                    env={**os.environ, "SHUNT_DEVICE": "scalar"})
            print(f"---- program {number}\n{result.stdout}", end="")
            if result.returncode or not result.stdout:
                sys.exit(f"program {number} of docs/python.md fails, or says nothing: {result.stderr}")
    sys.exit(not programs)


main(*sys.argv[1:])

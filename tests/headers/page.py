#!/usr/bin/env python3
"""The C program of a page runs, on each device: page.py PAGE FIXTURE INCLUDE LIBRARY DEVICES CC...
FIXTURE writes a weight file; DEVICES are separated by commas. All print the same first line of each frame, within rounding."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile


def main(page, fixture, include, library, devices, *cc):
    programs = re.findall(r"^```c\n(.*?)^```$", pathlib.Path(page).read_text(encoding="utf-8"), re.M | re.S)
    library = pathlib.Path(library).resolve()
    if len(programs) != 1:
        sys.exit(f"{page} has {len(programs)} programs")
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        (folder / "page.c").write_text(programs[0], encoding="utf-8")
        subprocess.run([fixture, "resnet20", folder / "w.safetensors"], check=True)
        subprocess.run([*cc, "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{include}", "-o", folder / "page", folder / "page.c", library,
                        f"-Wl,-rpath,{library.parent}"], check=True)
        results = {}
        for device in devices.split(","):
            done = subprocess.run([folder / "page", folder / "w.safetensors"], capture_output=True, text=True, check=False,
                                  env={**os.environ, "SHUNT_DEVICE": device, "SHUNT_CACHE_DIR": str(folder / "cache")})
            if done.returncode:
                sys.exit(f"{device}: exit status {done.returncode}: {done.stderr}")
            results[device] = [float(line.split(": ")[1]) for line in done.stdout.splitlines()]
            print(device, results[device][:3])
        first = next(iter(results.values()))
        for device, scores in results.items():
            if len(scores) != 20 or len(set(scores)) < 10:
                sys.exit(f"{device}: {scores}")
            if any(abs(a - b) > 1e-4 * (1 + abs(a)) for a, b in zip(first, scores)):
                sys.exit(f"{device} computes {scores}, the first device {first}")


main(*sys.argv[1:])

#!/usr/bin/env python3
"""Sees that plain C multiplies and adds in NEON's vectors: vector_loops.py OBJDUMP OBJECT...

An innermost loop is the code from a branch's target to the branch that leads back to it, without another such branch between them. Each object
must have one with `fmla` of four floats. Prints a line per object, and a summary; the exit status is 1 when one has none."""
import pathlib
import re
import subprocess
import sys

LINE = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)")
BRANCH = re.compile(r"^(?:b(?:\.\w+)?|cbn?z|tbn?z)$")
TARGET = re.compile(r"([0-9a-f]+) <")
VECTOR = re.compile(r"^v\d+\.4s, ")


def instructions(objdump, path):
    text = subprocess.run([objdump, "-d", "--no-show-raw-insn", path], check=True, capture_output=True, text=True).stdout
    return [(int(m[1], 16), m[2], m[3]) for m in map(LINE.match, text.splitlines()) if m]


def innermost(code):
    """(first, last) address of each innermost loop."""
    loops = []
    for address, name, operands in code:
        target = TARGET.search(operands) if BRANCH.match(name) else None
        if target and int(target[1], 16) <= address:
            loops.append((int(target[1], 16), address))
    return [(a, b) for a, b in loops if not any(a <= c and d < b for c, d in loops)]


def main(objdump, paths):
    without = 0
    for path in paths:
        code = instructions(objdump, path)
        fused = [address for address, name, operands in code if name == "fmla" and VECTOR.match(operands)]
        loops = sum(any(a <= address <= b for address in fused) for a, b in innermost(code))
        without += not loops
        print(f"{pathlib.Path(path).name}: {loops} innermost loops multiply and add four floats at once")
    print(f"plain C in vectors: {len(paths) - without} of {len(paths)} files")
    return without > 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))

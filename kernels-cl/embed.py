#!/usr/bin/env python3
"""Turns kernel sources into a C file and its header: embed.py OUT.c OUT.h FILE.cl...

A line `#include "NAME.cl"` is replaced by that file's text, so that a driver gets one whole string. The texts are written
as arrays of numbers: C promises no more than 4095 characters for a literal.
"""
import os
import re
import sys


def read(path):
    folder = os.path.dirname(path)
    with open(path, encoding="ascii") as file:
        return re.sub(r'^#include "([^"]+)"\n', lambda match: read(os.path.join(folder, match[1])), file.read(),
                      flags=re.MULTILINE)


def main():
    out_c, out_h, *paths = sys.argv[1:]
    with open(out_c, "w", encoding="ascii") as c, open(out_h, "w", encoding="ascii") as h:
        h.write("/* Made by kernels-cl/embed.py. */\n#include \"opencl.h\"\n")
        c.write("/* Made by kernels-cl/embed.py. */\n#include \"kernels.h\"\n")
        for path in paths:
            name = os.path.splitext(os.path.basename(path))[0]
            text = read(path).encode("ascii")
            h.write(f"extern const ocl_source ocl_{name}_cl;\n")
            c.write(f"static const char {name}_text[] = {{\n")
            for at in range(0, len(text), 24):
                c.write(",".join(map(str, text[at:at + 24])) + ",\n")
            c.write(f"0}};\nconst ocl_source ocl_{name}_cl = {{\"{name}.cl\", {name}_text}};\n")


main()

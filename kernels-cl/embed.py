#!/usr/bin/env python3
"""Turns kernel sources into a C file and its header: embed.py OUT.c OUT.h FILE.cl...

A line `#include "NAME.cl"` is replaced by that file's text, so that a driver gets one whole string. The texts are written
as arrays of numbers: C promises no more than 4095 characters for a literal. With a text goes a list of its kernels, and which of
their tensors, counted from 0, are of the type `real`, whose size depends on the build options.
"""
import os
import re
import sys


def read(path):
    folder = os.path.dirname(path)
    with open(path, encoding="ascii") as file:
        return re.sub(r'^#include "([^"]+)"\n', lambda match: read(os.path.join(folder, match[1])), file.read(),
                      flags=re.MULTILINE)


def data_tensors(name, text):
    """The kernels of a text, each with a mask of its data tensors. A tensor is a pair of arguments: __global TYPE *x, ulong x_at."""
    kernels = {}
    for kernel, arguments in re.findall(r"__kernel\s+void\s+(\w+)\(([^)]*)\)", re.sub(r"/\*.*?\*/", "", text, flags=re.S)):
        mask, tensors, each = 0, 0, [" ".join(argument.split()) for argument in arguments.split(",")]
        while len(each) > 1 and each[0].startswith("__global "):
            if not re.fullmatch(r"ulong \w+", each[1]):
                sys.exit(f"{name}, {kernel}: no offset follows {each[0]}")
            mask |= bool(re.match(r"__global (const )?real \*", each[0])) << tensors
            tensors += 1
            each = each[2:]
        if kernels.setdefault(kernel, mask) != mask:
            sys.exit(f"{name}, {kernel}: its forms have other tensors")
    return kernels


def main():
    out_c, out_h, *paths = sys.argv[1:]
    with open(out_c, "w", encoding="ascii") as c, open(out_h, "w", encoding="ascii") as h:
        h.write("/* Made by kernels-cl/embed.py. */\n#include \"opencl.h\"\n")
        c.write("/* Made by kernels-cl/embed.py. */\n#include \"kernels.h\"\n")
        for path in paths:
            name = os.path.splitext(os.path.basename(path))[0]
            text = read(path)
            kernels = data_tensors(name, text)
            text = text.encode("ascii")
            h.write(f"extern const ocl_source ocl_{name}_cl;\n")
            c.write(f"static const char {name}_text[] = {{\n")
            for at in range(0, len(text), 24):
                c.write(",".join(map(str, text[at:at + 24])) + ",\n")
            c.write(f"0}};\nstatic const ocl_kernel {name}_kernels[] = {{\n")
            for kernel, mask in kernels.items():
                c.write(f"    {{\"{kernel}\", {mask:#x}}},\n")
            c.write(f"}};\nconst ocl_source ocl_{name}_cl = {{\"{name}.cl\", {name}_text, {name}_kernels, {len(kernels)}}};\n")


main()

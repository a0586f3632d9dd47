#!/usr/bin/env python3
"""Writes the example at the top of a public header as a C file: example.py HEADER OUTPUT

The example is what the header's first comment has indented by five spaces. It has 5 to 20 lines.
"""
import pathlib
import sys


def main(header, output):
    comment = pathlib.Path(header).read_text(encoding="utf-8").split("*/")[0]
    lines = [line[7:] for line in comment.splitlines() if line.startswith(" *     ")]
    if not 5 <= len(lines) <= 20:
        sys.exit(f"{header}: its example has {len(lines)} lines")
    include = f"#include <shunt/{pathlib.Path(header).name}>"
    pathlib.Path(output).write_text("\n".join([include, *lines, ""]), encoding="utf-8")


main(*sys.argv[1:])

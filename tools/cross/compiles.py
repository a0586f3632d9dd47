#!/usr/bin/env python3
"""Compiles for another system, without making anything: compiles.py BUILD, a build folder for that system.

Of the sources that use a header beyond the C standard's, and of those for that system alone (X_windows.c). All others can only fail there by
functions of the C library that it lacks, which tests/law.py sees in the objects of this machine."""
import concurrent.futures
import json
import pathlib
import re
import shlex
import subprocess
import sys

STANDARD = set("assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic stdbool "
               "stddef stdint stdio stdlib stdnoreturn string tgmath time wchar wctype".split())


def wanted(path):
    headers = re.findall(r"^#include <([^>]+)\.h>", path.read_text(encoding="utf-8"), re.M)
    return path.name.endswith("_windows.c") or any(name not in STANDARD and not name.startswith("shunt/") for name in headers)


def check(build, entry):
    command = shlex.split(entry["command"])
    for option, arguments in (("-o", 1), ("-c", 0), ("-MD", 0), ("-MQ", 1), ("-MF", 1)):
        if option in command:
            at = command.index(option)
            del command[at:at + arguments + 1]
    done = subprocess.run([*command, "-fsyntax-only", "-Werror"], cwd=build, capture_output=True, text=True)
    sys.stderr.write(done.stderr)
    return done.returncode


def main(build):
    entries = [entry for entry in json.loads((build / "compile_commands.json").read_text())
               if entry["file"].endswith(".c") and (build / entry["file"]).exists() and wanted(build / entry["file"])]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        bad = sum(code != 0 for code in pool.map(lambda entry: check(build, entry), entries))
    print(f"{len(entries)} files that know of systems: {bad} do not compile for this one")
    return bool(bad) or not entries


if len(sys.argv) != 2:
    sys.exit(__doc__)
sys.exit(main(pathlib.Path(sys.argv[1])))

#!/usr/bin/env python3
"""ONNX's own Python test runner on shunt.backend: the same cases pass as in the C test. onnx_backend.py TEST-ONNX_BACKEND FOLDER

Every case of the runner is tried, also those of operators that Shunt does not read; the set of those that pass has to be the one
that the C program prints. Without the Python package onnx, or its test data, it is skipped (77)."""
import os
import subprocess
import sys
import unittest

import numpy

# onnx 1.12's runner uses these two names, which NumPy has dropped since.
numpy.object, numpy.bool = object, bool

SUITES = {"OnnxBackendNodeModelTest": "node", "OnnxBackendSimpleModelTest": "simple",
          "OnnxBackendPyTorchConvertedModelTest": "pytorch-converted",
          "OnnxBackendPyTorchOperatorModelTest": "pytorch-operator"}


def passed_in_c(program, folder):
    table = subprocess.run([program, "--table", folder], check=True, capture_output=True, text=True).stdout
    cells = [[cell.strip() for cell in line.split("|")] for line in table.splitlines()]
    return {row[1] for row in cells if len(row) == 5 and "/" in row[1] and row[3].startswith("passed")}


def main(program, folder):
    if not os.path.isdir(folder):
        sys.exit(77)
    try:
        import onnx.backend.test
    except ImportError:
        print("skipped: no Python package onnx")
        sys.exit(77)
    import shunt.backend
    cases = onnx.backend.test.BackendTest(shunt.backend, __name__).test_cases
    passed, failed = set(), {}
    for kind, suite in SUITES.items():
        for case in unittest.defaultTestLoader.loadTestsFromTestCase(cases[kind]):
            method = case._testMethodName
            if not method.endswith("_cpu"):
                continue
            result = unittest.TestResult()
            case.run(result)
            name = f"{suite}/{method[:-4]}"
            if result.wasSuccessful() and not result.skipped:
                passed.add(name)
            else:
                failed[name] = str((result.errors + result.failures + result.skipped)[0][1])
    wanted = passed_in_c(program, folder)
    for name in sorted(wanted - passed):
        print(f"{name} passes in C alone: {failed.get(name, 'the runner has no such case')[-300:]}")
    for name in sorted(passed - wanted):
        print(f"{name} passes in Python alone")
    print(f"{len(passed)} cases passed, {len(wanted)} in C; {len(failed)} are of other operators")
    sys.exit(not wanted or passed != wanted)


if __name__ == "__main__":
    main(*sys.argv[1:])

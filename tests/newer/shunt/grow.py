#!/usr/bin/env python3
"""Writes the public headers as a later version may have them: grow.py OUTPUT... HEADER...

Every struct that begins with `uint32_t size` gets 512 bytes at its end, and the minor version of the ABI is one higher. As many
outputs as headers, in the same order.
"""
import pathlib
import re
import sys

SIZED = re.compile(r"^(?:typedef )?struct (\w+) \{\n(?:    /\*.*\*/\n)?    uint32_t size;.*?^\}", re.M | re.S)
EXPECTED = {"shunt_host", "shunt_backend", "shunt_device_ops", "shunt_device_info", "shunt_op_candidates",
            "shunt_prepare_options", "shunt_op_info", "shunt_model_options", "shunt_predict_options",
            "shunt_verify_options", "shunt_tune_options", "shunt_gradient_options", "shunt_sgd_options",
            "shunt_evaluate_options", "shunt_response_options", "shunt_train_setup"}


def grow(text, grown):
    def one(match):
        grown.add(match[1])
        return match[0][:-1] + "    unsigned char later[512];\n}"
    text = SIZED.sub(one, text)
    return re.sub(r"(#define SHUNT_ABI_MINOR) (\d+)", lambda m: f"{m[1]} {int(m[2]) + 1}", text)


def main(paths):
    half, grown = len(paths) // 2, set()
    for output, header in zip(paths[:half], paths[half:]):
        text = pathlib.Path(header).read_text(encoding="utf-8")
        pathlib.Path(output).write_text(grow(text, grown), encoding="utf-8")
    if not EXPECTED <= grown:
        sys.exit(f"grow.py: these structs were not found to grow: {sorted(EXPECTED - grown)}")


main(sys.argv[1:])

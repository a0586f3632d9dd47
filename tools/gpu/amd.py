"""AMD: clang's code for gfx*, with Debian's libclc."""
import re

from gpu.loops import Instruction, hot_loop

LIBRARY = "amdgcn--amdhsa.bc"


def classify(text):
    name = text.split()[0]
    if name.startswith("v_dual"):  # two operations in one instruction
        return {"all": 1, "fma": sum(part.startswith("fma") for part in re.findall(r"v_dual_(\w+)", text))}
    if name.startswith("v_pk_fma_f32"):
        return {"all": 1, "fma": 2}
    if name.startswith("v_wmma"):
        return {"all": 1, "fma": 1, "matrix": 1}
    if re.match(r"v_(fma|fmac|mac|mad|fmaak|fmamk)_f32|v_fma_mix", name):
        return {"all": 1, "fma": 1}
    if name.startswith(("global_", "buffer_", "flat_")):
        return {"all": 1, "message": 1}
    return {"all": 1}


def listing(body):
    code, labels = [], []
    for line in body.splitlines():
        label = re.match(r"^(\.L\w+):", line)
        text = re.sub(r"\s*;.*$", "", line) if "::" not in line else re.sub(r"\s+;.*$", "", line)
        text = text.strip()
        if label:
            labels.append(label[1])
        elif text and not text.startswith("."):
            branch = re.match(r"s_c?branch\w*\s+(\S+)", text)
            code.append(Instruction(text, labels, branch and branch[1]))
            labels = []
    return code


def compile_kernels(target, programs, folder, tools, limits):
    """Facts of the kernels of the one program, (source, options, items), which states the size of work-groups itself."""
    [(source, options, _)] = programs
    assembly = folder / "kernel.s"
    tools.run([*tools.clang, "-I", str(source.parent), *options, "--target=amdgcn-amd-amdhsa", f"-mcpu={target}", "-Xclang", "-mlink-builtin-bitcode",
               "-Xclang", f"{tools.libclc}/{LIBRARY}", "-S", "-o", str(assembly), str(source)])
    found = {}
    for kernel in re.finditer(r"^(\w+):\s*;\s*@\1\n(.*?)^\.Lfunc_end\d+:(.*?)(?=^\t\.text|\Z)", assembly.read_text(),
                              re.M | re.S):
        name, body, facts = kernel.groups()
        fact = lambda key: int(re.search(rf"^; {key}: (\d+)", facts, re.M)[1])
        step = hot_loop(listing(body), classify, limits.wanted(options)(name))
        # "Occupancy" counts waves a SIMD, by registers and local memory.
        found[name] = {"registers": fact("NumVgprs"), "spills": 0, "private": fact("ScratchSize"),
                       "local": fact("LDSByteSize"), "waves": fact("Occupancy"), "step": step}
    return [found]

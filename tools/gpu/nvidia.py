"""NVIDIA: clang's PTX with Debian's libclc, ptxas and nvdisasm of CUDA."""
import pathlib
import re

from gpu.loops import Instruction, hot_loop

LIBRARY = "nvptx64--nvidiacl.bc"
HALVES = pathlib.Path(__file__).with_name("half.cl")
THREADS = {"sm_75": 1024, "sm_86": 1536, "sm_89": 1536, "sm_90": 2048}  # of a multiprocessor
LOCAL = {"sm_75": 64 << 10, "sm_86": 100 << 10, "sm_89": 100 << 10, "sm_90": 228 << 10}
REGISTERS = 65536
LOCAL_OF_SYSTEM = 1024  # bytes that each work-group takes besides its own
PREDICATE = re.compile(r"^@!?U?P\w+\s+")


def classify(text):
    name = PREDICATE.sub("", text).split()[0]
    if name.startswith("HMMA"):
        return {"all": 1, "fma": 1, "matrix": 1}
    if name.startswith("FFMA"):
        return {"all": 1, "fma": 1}
    if name.startswith(("LDG", "STG", "LD.E", "ST.E", "LDL", "STL")):
        return {"all": 1, "message": 1}
    return {"all": 1}


def listing(body):
    code, labels = [], []
    for line in body.splitlines():
        label = re.match(r"^\s*(\.L_x_\w+):", line)
        text = re.match(r"^\s*/\*[0-9a-f]{4,}\*/\s+(.*?);", line)
        if label:
            labels.append(label[1])
        elif text and not PREDICATE.sub("", text[1].strip(" {")).startswith("NOP"):
            branch = re.search(r"\bBRA(?:\.\w+)*\s.*`\((\.L_x_\w+)\)", text[1])
            code.append(Instruction(text[1].strip(" {"), labels, branch and branch[1]))
            labels = []
    return code


def warps(target, registers, items, local):
    """That a multiprocessor holds at once; groups are whole."""
    in_group = -(-items // 32)
    by_registers = REGISTERS // (-(-registers // 8) * 8 * 32 * in_group)
    by_local = LOCAL[target] // (local + LOCAL_OF_SYSTEM)
    return min(by_registers, by_local, THREADS[target] // (32 * in_group)) * in_group


def state_groups(ptx, items):
    """The size of work-groups, which clang leaves out, bounds the registers that ptxas may give to a work-item."""
    for kernel, count in items.items():
        ptx = re.sub(rf"(\.entry {kernel}\([^)]*\))", rf"\1\n.reqntid {count}", ptx)
    return ptx


def compile_ptx(target, source, options, folder, tools):
    """The PTX that clang makes of a kernel file."""
    ptx = folder / "kernel.ptx"
    halves = ["-Xclang", "-cl-ext=+cl_khr_fp16", "-include", str(HALVES)] if "-DDATA=4" in options else []
    tools.run([*tools.clang, "-I", str(source.parent), *options, *halves, "--target=nvptx64-nvidia-cuda", "-Xclang", "-target-cpu", "-Xclang", target,
               "-Xclang", "-mlink-builtin-bitcode", "-Xclang", f"{tools.libclc}/{LIBRARY}", "-S", "-o", str(ptx), str(source)])
    return ptx.read_text()


# A name of a function or a variable of the module.
DECLARED = re.compile(r"^\s*(?:\.(?:visible|extern|weak|common)\s+)*(?:\.entry\s+|\.func\s+(?:\([^)]*\)\s*)?|"
                      r"\.(?:shared|global|const)\s+(?:\.align\s+\d+\s+)?\.\w+\s+)([\w$]+)", re.M)
HEADER = re.compile(r"^\.(?:version|target|address_size)\b.*\n", re.M)


def apart(ptx, number):
    """The same module with other names, as several are made one: the programs that read them take long to begin."""
    names = sorted(set(DECLARED.findall(ptx)), key=len, reverse=True)
    return re.sub(rf"(?<![\w$.%])({'|'.join(map(re.escape, names))})(?![\w$])", rf"\1__{number}", ptx) if names else ptx


def joined(modules):
    """PTX of several modules of one target."""
    head = "".join(HEADER.findall(modules[0]))
    return head + "\n".join(apart(HEADER.sub("", ptx), i) for i, ptx in enumerate(modules))


def compile_kernels(target, programs, folder, tools, limits):
    """Facts of the kernels of each program, (source, options, items)."""
    ptx, binary = folder / "kernel.ptx", folder / "kernel.cubin"
    modules = [state_groups(compile_ptx(target, source, options, folder, tools), items) for source, options, items in programs]
    ptx.write_text(joined(modules))
    said = tools.run([tools.ptxas, "-v", f"-arch={target}", str(ptx), "-o", str(binary)])
    code = {m[1]: listing(m[2]) for m in re.finditer(r"^\.text\.(\w+):\n(.*?)(?=^//-----|\Z|^\.text\.)",
                                                     tools.run([tools.nvdisasm, "-c", str(binary)]), re.M | re.S)}
    found = [{} for _ in programs]
    for m in re.finditer(r"Compiling entry function '(\w+)__(\d+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, "
                         r"(\d+) bytes spill loads.*?Used (\d+) registers([^\n]*)", said, re.S):
        kernel, number = m[1], int(m[2])
        _, options, items = programs[number]
        local = re.search(r"(\d+) bytes smem", m[7])
        facts = {"registers": int(m[6]), "spills": int(m[4]) + int(m[5]), "private": int(m[3]), "local": int(local[1]) if local else 0,
                 "step": hot_loop(code[f"{kernel}__{number}"], classify, limits.wanted(options)(kernel))}
        facts["waves"] = warps(target, facts["registers"], items.get(kernel, 32), facts["local"])
        found[number][kernel] = facts
    return found

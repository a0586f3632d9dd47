"""Intel: the compiler of Debian's GPU driver through ocloc; nothing of it is installed or registered."""
import re

from gpu.loops import Instruction, hot_loop

MNEMONIC = re.compile(r"^(?:\(W\)\s*)?(?:\([^)]*\)\s*)*([a-z0-9_.]+)\s*\((\d+)\|")
# Facts in the binary's description of a kernel: token, and which word of it. "waves" is the SIMD width. Private memory is a buffer,
# or on older devices a part of the thread's scratch space, where spills go, too.
FACTS = {23: ("waves", 3), 38: ("private", 3), 18: ("scratch", 1), 15: ("local", 1)}


def classify(text):
    found = MNEMONIC.match(text)
    if not found:
        return {"all": 1}
    name, width = found[1], int(found[2])
    if name.startswith("dpas"):
        return {"all": 1, "fma": 1, "matrix": 1}
    if name == "mad" and width >= 8 and ":f" in text:  # narrower ones compute addresses
        return {"all": 1, "fma": 1}
    if name.startswith("send") and ".slm" not in name and ".gtwy" not in name and not re.search(r"0x0[0-9A-F]{5}FE\b", text):
        return {"all": 1, "message": 1}
    return {"all": 1}


def listing(body):
    code, labels = [], []
    for line in body.splitlines():
        label, text = re.match(r"^(L\d+):", line), line.strip()
        if label:
            labels.append(label[1])
        elif text and not text.startswith(("nop", "illegal", "//")):
            branch = re.search(r"\b(?:jmpi|while|brc|brd|goto|call)\b.*?(L\d+)", text)
            code.append(Instruction(text, labels, branch and branch[1]))
            labels = []
    return code


def words(dump):
    data = bytes(int(byte, 16) for byte in dump.split())
    return [int.from_bytes(data[i:i + 4], "little") for i in range(0, len(data) - 3, 4)]


def describe(text):
    """FACTS of each kernel, from the list of the binary's parts."""
    found = {}
    for part in re.split(r"(?=Kernel #\d)", text)[1:]:
        facts = found[re.search(r"KernelName (\w+)", part)[1]] = {name: 0 for name, _ in FACTS.values()}
        for token, dump in re.findall(r"Token (\d+)\n\t4 Size \d+\n(?:\tHex ([0-9a-f ]*)\n)?", part):
            if int(token) in FACTS:
                name, at = FACTS[int(token)]
                facts[name] = words(dump)[at]
        facts["private"] = max(facts["private"], facts.pop("scratch") // facts["waves"])
    return found


def compile_kernels(target, programs, folder, tools, limits):
    """Facts of the kernels of the one program, (source, options, items), which states the size of work-groups itself."""
    [(source, options, _)] = programs
    include = f"-I{source.parent}"
    said = tools.run([tools.ocloc, "compile", "-file", str(source), "-device", target, "-options",
                      " ".join([*options, include]), "-out_dir", str(folder), "-output", "kernel"])
    binary, dump = next(folder.glob("kernel_*.bin")), folder / "dump"
    dump.mkdir()
    tools.run([tools.ocloc, "disasm", "-file", str(binary), "-device", target, "-dump", str(dump)])
    spills = dict(re.findall(r"kernel (\w+)\s+compiled SIMD\d+ allocated \d+ regs and spilled around (\d+)", said))
    found = {}
    for name, facts in describe((dump / "PTM.txt").read_text(errors="replace")).items():
        body = (dump / f"{name}_KernelHeap.asm").read_text(errors="replace")
        found[name] = {"registers": 128, "spills": int(spills.get(name, 0)), **facts,
                       "step": hot_loop(listing(body), classify, limits.wanted(options)(name))}
    return [found]

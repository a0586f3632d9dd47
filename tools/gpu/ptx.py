"""An interpreter of PTX, as far as kernels of matrix units need it: it runs the work-groups of one kernel and says what is in memory then.

All items of a group go together: a register is an array of their 64-bit values, which each instruction reads as its type says. Those
that are behind go first; a warp's instructions wait for all of it. What the instructions do is written from NVIDIA's document, PTX ISA 8.7;
an instruction that is not known here is an error.
"""
import re

import numpy as np

WARP = 32
TYPES = {"b8": "u1", "u8": "u1", "s8": "i1", "b16": "u2", "u16": "u2", "s16": "i2", "f16": "f2", "b32": "u4", "u32": "u4", "s32": "i4",
         "f32": "f4", "b64": "u8", "u64": "u8", "s64": "i8", "f64": "f8"}
GLOBAL_BASE = 1 << 32  # where buffers begin


class Memory:
    """Bytes from an address on."""

    def __init__(self, size, base=0):
        self.bytes, self.base = np.zeros(size, np.uint8), base

    def at(self, addresses, width):
        """Indices of `width` bytes at each address."""
        first = addresses.astype(np.int64) - self.base
        if first.size and (first.min() < 0 or first.max() + width > self.bytes.size):
            raise IndexError(f"an access at {int(first.min()):#x}..{int(first.max()) + width:#x} of {self.bytes.size:#x} bytes")
        if np.any(first % width):
            raise IndexError(f"an access of {width} bytes that is not aligned")
        return first[:, None] + np.arange(width)

    def load(self, addresses, width):
        return self.bytes[self.at(addresses, width)]

    def store(self, addresses, data):
        self.bytes[self.at(addresses, data.shape[1])] = data


class Instruction:
    def __init__(self, text):
        predicate, text = re.match(r"(?:@(!?%\w+)\s+)?(.*)", text).groups()
        self.negated = bool(predicate) and predicate[0] == "!"
        self.predicate = predicate and predicate.lstrip("!")
        name, _, rest = text.partition(" ")
        self.text, self.parts = text, name.strip().split(".")
        self.operands = [operand.strip() for operand in re.findall(r"\{[^}]*\}|\[[^\]]*\]|[^,{}\[\]]+", rest) if operand.strip()]


class Kernel:
    """One .entry of a PTX text: its parameters, local memory, instructions and labels."""

    def __init__(self, text, name):
        head, body = re.search(rf"\.entry {name}\((.*?)\)[^{{]*\{{\n(.*?)^\}}", text, re.M | re.S).groups()
        self.params, at = {}, 0
        for align, kind, param, count in re.findall(r"\.param (?:\.align (\d+) )?\.(\w+) (\w+)(?:\[(\d+)\])?", head):
            size = np.dtype(TYPES[kind]).itemsize
            align = int(align or size)
            at = -(-at // align) * align
            self.params[param] = at
            at += size * int(count or 1)
        self.param_bytes = at
        self.shared, at = {}, 0
        for align, kind, symbol, count in re.findall(r"\.shared \.align (\d+) \.(\w+) ([\w$]+)\[(\d+)\];", text):
            at = -(-at // int(align)) * int(align)
            self.shared[symbol] = at
            at += int(count) * np.dtype(TYPES[kind]).itemsize
        self.shared_bytes = at
        self.code, self.labels = [], {}
        for line in re.sub(r"//.*", "", body).replace("\n", " ").replace(":", ":;").split(";"):
            line = " ".join(line.split()).lstrip("{} ")
            if line.endswith(":"):
                self.labels[line[:-1]] = len(self.code)
            elif line and not line.startswith("."):
                self.code.append(Instruction(line))


def fragment_tables():
    """Rows and columns of what a lane's registers hold: PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type". Of a and b by
    lane, register and half; of c by lane and register. mma.m16n8k8 has their first halves."""
    lane = np.arange(WARP)
    group, inside = lane >> 2, lane % 4
    a, b, c = (np.zeros((WARP, *shape, 2), int) for shape in ((4, 2), (2, 2), (4,)))
    for i in range(8):
        a[:, i // 2, i % 2, 0] = group if i < 2 or 4 <= i < 6 else group + 8
        a[:, i // 2, i % 2, 1] = inside * 2 + (i & 1) + (8 if i >= 4 else 0)
    for i in range(4):
        b[:, i // 2, i % 2, 0] = inside * 2 + (i & 1) + (8 if i >= 2 else 0)
        b[:, i // 2, i % 2, 1] = group
        c[:, i, 0] = group if i < 2 else group + 8
        c[:, i, 1] = inside * 2 + (i & 1)
    return a, b, c


A, B, C = fragment_tables()


def halves(words, kind):
    """32-bit words -> the two numbers in each, lower first."""
    stored = np.stack([words & 0xffff, words >> 16], -1).astype(np.uint16)
    return stored.view(np.float16).astype(np.float64) if kind == "f16" else (
        (stored.astype(np.uint32) << 16).view(np.float32).astype(np.float64))


class Group:
    """A work-group at work."""

    def __init__(self, kernel, memory, params, items, group, groups):
        self.kernel, self.memory, self.params, self.items = kernel, memory, params, items
        self.shared = Memory(kernel.shared_bytes)
        self.registers = {"%tid.x": np.arange(items, dtype=np.uint64), "%ctaid.x": np.full(items, group, np.uint64),
                          "%ntid.x": np.full(items, items, np.uint64), "%nctaid.x": np.full(items, groups, np.uint64)}
        self.at = np.zeros(items, int)
        self.waits, self.left, self.held = (np.zeros(items, bool) for _ in range(3))
        self.executed = {}

    # ---- Operands ----

    def raw(self, operand):
        """64 bits of each item."""
        if operand in self.registers:
            return self.registers[operand]
        if operand in self.kernel.params:
            value = self.kernel.params[operand]
        elif operand in self.kernel.shared:
            value = self.kernel.shared[operand]
        elif operand.startswith("0f"):
            value = int(operand[2:], 16)
        elif operand[0] not in "-0123456789":  # a register that nothing was written to
            value = 0
        else:
            value = int(operand, 0) & (1 << 64) - 1
        return np.full(self.items, value, np.uint64)

    def read(self, operand, kind):
        width = np.dtype(TYPES[kind]).itemsize
        return self.raw(operand).view(np.uint8).reshape(self.items, 8)[:, :width].copy().view(TYPES[kind])[:, 0]

    def write(self, operand, values, mask, kind=None):
        """Values of a type; a signed one fills the register."""
        values = np.ascontiguousarray(values)
        if values.dtype.kind == "i":
            bits = values.astype(np.int64).view(np.uint64)
        else:
            bits = np.zeros(self.items, np.uint64)
            bits.view(np.uint8).reshape(self.items, 8)[:, :values.dtype.itemsize] = values.view(np.uint8).reshape(self.items, -1)
        self.registers[operand] = np.where(mask, bits, self.raw(operand))

    def address(self, operand):
        base, _, offset = operand.strip("[]").partition("+")
        return self.raw(base.strip()) + np.uint64(int(offset or "0", 0) & (1 << 64) - 1)

    # ---- Instructions ----

    def step(self, instruction, mask):
        with np.errstate(all="ignore"):
            name = instruction.parts[0]
            getattr(self, "do_" + name)(instruction, mask)
        self.executed[name] = self.executed.get(name, 0) + 1

    def do_ld(self, i, mask):
        space, kind = i.parts[1], i.parts[-1]
        names, width = i.operands[0].strip("{}").replace(",", " ").split(), np.dtype(TYPES[kind]).itemsize
        addresses = self.address(i.operands[1])[mask]
        memory = {"param": self.params, "global": self.memory, "shared": self.shared}[space]
        memory.at(addresses, width * len(names))  # aligned as a whole
        for k, name in enumerate(names):
            values = np.zeros(self.items, TYPES[kind])
            values[mask] = memory.load(addresses + np.uint64(k * width), width).view(TYPES[kind])[:, 0]
            self.write(name, values, mask)

    def do_st(self, i, mask):
        kind = i.parts[-1]
        names, width = i.operands[1].strip("{}").replace(",", " ").split(), np.dtype(TYPES[kind]).itemsize
        addresses = self.address(i.operands[0])[mask]
        memory = {"global": self.memory, "shared": self.shared}[i.parts[1]]
        memory.at(addresses, width * len(names))
        for k, name in enumerate(names):
            values = self.read(name, kind)[mask]
            memory.store(addresses + np.uint64(k * width), values.view(np.uint8).reshape(-1, width))

    def do_mov(self, i, mask):
        to, source = i.operands
        kind = i.parts[-1]
        if source.startswith("{"):
            parts = [self.read(name.strip(), "b16" if kind == "b32" else "b32") for name in source.strip("{}").split(",")]
            shift = 16 if kind == "b32" else 32
            value = parts[0].astype(np.uint64) | parts[1].astype(np.uint64) << np.uint64(shift)
            self.write(to, value, mask)
        elif to.startswith("{"):
            shift = 16 if kind == "b32" else 32
            for k, name in enumerate(to.strip("{}").split(",")):
                part = self.read(source, kind).astype(np.uint64) >> np.uint64(k * shift)
                self.write(name.strip(), part & np.uint64((1 << shift) - 1), mask)
        else:
            self.write(to, self.read(source, kind), mask)

    def do_cvta(self, i, mask):
        self.write(i.operands[0], self.read(i.operands[1], i.parts[-1]), mask)

    def do_cvt(self, i, mask):
        to, source = i.parts[-2:]
        self.write(i.operands[0], self.read(i.operands[1], source).astype(TYPES[to]), mask)

    def binary(self, i, mask, function):
        kind = i.parts[-1]
        x, y = (self.read(operand, kind) for operand in i.operands[1:3])
        if "wide" in i.parts:
            wider = {"s32": np.int64, "u32": np.uint64, "s16": np.int32, "u16": np.uint32}[kind]
            x, y = x.astype(wider), y.astype(wider)
        self.write(i.operands[0], function(x, y).astype(x.dtype), mask)

    def do_add(self, i, mask):
        self.binary(i, mask, lambda x, y: x + y)

    def do_sub(self, i, mask):
        self.binary(i, mask, lambda x, y: x - y)

    def do_mul(self, i, mask):
        if "hi" in i.parts:
            kind = i.parts[-1]
            wide = np.int64 if kind == "s32" else np.uint64
            self.binary(i, mask, lambda x, y: x.astype(wide) * y.astype(wide) >> wide(32))
        else:
            self.binary(i, mask, lambda x, y: x * y)

    def do_mad(self, i, mask):
        kind = i.parts[-1]
        x, y, z = (self.read(operand, kind) for operand in i.operands[1:3] + i.operands[3:4])
        if "wide" in i.parts:
            wider, wide_kind = (np.int64, "s64") if kind == "s32" else (np.uint64, "u64")
            x, y, z = x.astype(wider), y.astype(wider), self.read(i.operands[3], wide_kind)
        self.write(i.operands[0], x * y + z, mask)

    def do_fma(self, i, mask):
        x, y, z = (self.read(operand, i.parts[-1]).astype(np.float64) for operand in i.operands[1:])
        self.write(i.operands[0], (x * y + z).astype(TYPES[i.parts[-1]]), mask)

    def do_div(self, i, mask):  # towards zero
        def divide(x, y):
            y = np.where(y == 0, 1, y)
            return np.trunc(x.astype(np.float64) / y) if x.dtype.kind == "i" else x // y
        self.binary(i, mask, divide)

    def do_rem(self, i, mask):
        self.binary(i, mask, lambda x, y: np.fmod(x, np.where(y == 0, 1, y)))

    def do_min(self, i, mask):
        self.binary(i, mask, np.minimum)

    def do_max(self, i, mask):
        self.binary(i, mask, np.maximum)

    def logical(self, i, mask, function):
        if i.parts[-1] == "pred":
            x, y = (self.raw(operand) for operand in i.operands[1:3])
            self.write(i.operands[0], function(x, y) & np.uint64(1), mask)
        else:
            self.binary(i, mask, function)

    def do_and(self, i, mask):
        self.logical(i, mask, np.bitwise_and)

    def do_or(self, i, mask):
        self.logical(i, mask, np.bitwise_or)

    def do_xor(self, i, mask):
        self.logical(i, mask, np.bitwise_xor)

    def do_not(self, i, mask):
        x = self.raw(i.operands[1]) ^ np.uint64(1) if i.parts[-1] == "pred" else ~self.read(i.operands[1], i.parts[-1])
        self.write(i.operands[0], x, mask)

    def do_neg(self, i, mask):
        self.write(i.operands[0], -self.read(i.operands[1], i.parts[-1]), mask)

    def shift(self, i, mask, function):
        x, by = self.read(i.operands[1], i.parts[-1]), self.read(i.operands[2], "u32").astype(np.int64)
        bits = x.dtype.itemsize * 8
        clamped = np.minimum(by, bits - 1).astype(x.dtype)
        whole = np.where(by >= bits, function(function(x, clamped), x.dtype.type(1)), function(x, clamped))
        self.write(i.operands[0], whole.astype(x.dtype), mask)

    def do_shl(self, i, mask):
        self.shift(i, mask, lambda x, by: x << by)

    def do_shr(self, i, mask):
        self.shift(i, mask, lambda x, by: x >> by)

    def do_bfe(self, i, mask):
        x = self.read(i.operands[1], i.parts[-1]).astype(np.uint64)
        position, length = (self.read(operand, "u32").astype(np.uint64) for operand in i.operands[2:])
        self.write(i.operands[0], (x >> position & (np.uint64(1) << length) - np.uint64(1)).astype(TYPES[i.parts[-1]]), mask)

    def do_setp(self, i, mask):
        test, kind = i.parts[1], i.parts[-1]
        x, y = (self.read(operand, kind) for operand in i.operands[1:3])
        odd = x != x if x.dtype.kind != "f" else np.isnan(x) | np.isnan(y)
        if test in ("num", "nan"):
            truth = odd == (test == "nan")
        else:
            unordered = x.dtype.kind == "f" and test.endswith("u")
            name = {"lo": "lt", "ls": "le", "hi": "gt", "hs": "ge"}.get(test, test[:2])
            compare = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal}[name]
            truth = np.where(odd, unordered, compare(x, y))
        self.write(i.operands[0], truth.astype(np.uint64), mask)

    def do_selp(self, i, mask):
        x, y = (self.read(operand, i.parts[-1]) for operand in i.operands[1:3])
        self.write(i.operands[0], np.where(self.raw(i.operands[3]) & np.uint64(1), x, y), mask)

    def do_bar(self, i, mask):
        self.waits |= mask

    def do_ret(self, i, mask):
        self.left |= mask

    def do_bra(self, i, mask):
        self.at[mask] = self.kernel.labels[i.operands[0]]

    # ---- Matrices ----

    def whole_warps(self, mask, what):
        warps = mask.reshape(-1, WARP)
        if not np.all(warps.all(1) | ~warps.any(1)):
            raise RuntimeError(f"{what}: not all lanes of a warp take part")
        return np.flatnonzero(warps.any(1))

    def words(self, operand):
        """Of each register in braces, by warp and lane."""
        return np.stack([self.read(name.strip(), "b32").reshape(-1, WARP) for name in operand.strip("{}").split(",")], -1)

    def do_ldmatrix(self, i, mask):
        if i.parts[1:] != "sync aligned m8n8 x4 shared b16".split():
            raise NotImplementedError(i.text)
        self.whole_warps(mask, "ldmatrix")
        rows = self.shared.load(self.address(i.operands[1])[mask], 16).view(np.uint32).reshape(-1, 4, 8, 4)  # warp, matrix, row, pair
        for k, name in enumerate(i.operands[0].strip("{}").split(",")):
            values = np.zeros(self.items, np.uint32)
            values[mask] = rows[:, k].reshape(-1)  # lane 4 * row + pair
            self.write(name.strip(), values, mask)

    def do_mma(self, i, mask):
        shape, kind = i.parts[3], i.parts[7]
        if i.parts[4:7] != ["row", "col", "f32"] or shape not in ("m16n8k16", "m16n8k8") or kind not in ("f16", "bf16"):
            raise NotImplementedError(i.text)
        depth = int(shape[6:])
        a_words, b_words = self.words(i.operands[1]), self.words(i.operands[2])
        c_words = self.words(i.operands[3]).view(np.float32)
        result = [np.zeros((self.items // WARP, WARP), np.float32) for _ in range(4)]
        for warp in self.whole_warps(mask, "mma"):
            a, b, c = np.zeros((16, depth)), np.zeros((depth, 8)), np.zeros((16, 8))
            used = depth // 8
            a[A[:, :2 * used, :, 0], A[:, :2 * used, :, 1]] = halves(a_words[warp], kind)
            b[B[:, :used, :, 0], B[:, :used, :, 1]] = halves(b_words[warp], kind)
            c[C[..., 0], C[..., 1]] = c_words[warp]
            d = (a @ b + c).astype(np.float32)
            for k in range(4):
                result[k][warp] = d[C[:, k, 0], C[:, k, 1]]
        for k, name in enumerate(i.operands[0].strip("{}").split(",")):
            self.write(name.strip(), result[k].reshape(-1), mask)

    # ---- All of it ----

    def together(self, here):
        """Of the items at an instruction that a warp executes as one, those whose warps are all there. The others wait."""
        return np.repeat(here.reshape(-1, WARP).all(1), WARP)

    def run(self):
        while not self.left.all():
            ready = ~self.left & ~self.waits & ~self.held
            if not ready.any():
                if self.held.any():
                    raise RuntimeError("a warp's items wait for each other at different instructions")
                self.waits[:] = False
                continue
            place = self.at[ready].min()
            here = ready & (self.at == place)
            instruction = self.kernel.code[place]
            if instruction.parts[0] in ("ldmatrix", "mma"):
                whole = self.together(here)
                self.held |= here & ~whole
                here &= whole
                if not here.any():
                    continue
            self.held &= ~np.repeat(here.reshape(-1, WARP).any(1), WARP)
            self.at[here] = place + 1
            mask = here
            if instruction.predicate:
                mask = here & ((self.raw(instruction.predicate) & np.uint64(1)).astype(bool) != instruction.negated)
            if mask.any():
                self.step(instruction, mask)
        return self.executed


def run(text, name, items, groups, arguments):
    """Runs all groups, one after the other. arguments: arrays are buffers, each passed as its address; bytes are structures and scalars.
    Buffers are changed in place. Returns how often each instruction was executed by a group."""
    kernel = Kernel(text, name)
    places, at = [], 0
    buffers = [argument for argument in arguments if isinstance(argument, np.ndarray)]
    for buffer in buffers:
        places.append(at)
        at += -(-buffer.nbytes // 256) * 256 + 256
    memory, params = Memory(at, GLOBAL_BASE), Memory(kernel.param_bytes)
    for buffer, place in zip(buffers, places):
        memory.bytes[place:place + buffer.nbytes] = buffer.view(np.uint8).reshape(-1)
    addresses = iter(places)
    for (_, place), argument in zip(kernel.params.items(), arguments):
        data = argument if isinstance(argument, bytes) else (GLOBAL_BASE + next(addresses)).to_bytes(8, "little")
        params.bytes[place:place + len(data)] = np.frombuffer(data, np.uint8)
    executed = {}
    for group in range(groups):
        for instruction, count in Group(kernel, memory, params, items, group, groups).run().items():
            executed[instruction] = executed.get(instruction, 0) + count
    for buffer, place in zip(buffers, places):
        buffer.view(np.uint8).reshape(-1)[:] = memory.bytes[place:place + buffer.nbytes]
    return executed

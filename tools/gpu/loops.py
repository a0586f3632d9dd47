"""Loops in a listing of machine code, and what stands in the one that computes."""


class Instruction:
    """text without label and comment; the labels in front of it; where it may branch to (None: nowhere)."""

    def __init__(self, text, labels, target=None):
        self.text, self.labels, self.target = text, labels, target


def find_loops(code):
    """A branch back makes a loop: (first, last) of each, by first."""
    at = {label: i for i, instruction in enumerate(code) for label in instruction.labels}
    last = {}
    for i, instruction in enumerate(code):
        begin = at.get(instruction.target, i + 1)
        if begin <= i:
            last[begin] = max(last.get(begin, 0), i)
    return sorted(last.items())


def innermost(spans, inside):
    """The index of the shortest span that holds `inside`, or None."""
    holding = [k for k, (first, last) in enumerate(spans) if first <= inside[0] and inside[1] <= last]
    return min(holding, key=lambda k: spans[k][1] - spans[k][0], default=None)


def add(total, more, times=1):
    for name, count in more.items():
        total[name] = total.get(name, 0) + times * count


def hot_loop(code, classify, wanted):
    """What a work-item executes in one step of its hot loop, as counts by classify(text). The hot loop has the most
    multiply-adds ("fma"). If it holds fewer than `wanted`, it is run so many times in a step; and all loops around it are the
    step's, for compilers give one loop several heads. Without a loop that multiplies: all there is outside of loops."""
    spans = find_loops(code)
    own, outside = [{} for _ in spans], {}
    for i, instruction in enumerate(code):
        k = innermost(spans, (i, i))
        add(outside if k is None else own[k], classify(instruction.text))
    if not any(counts.get("fma") for counts in own):
        return outside
    hot = max(range(len(spans)), key=lambda k: own[k].get("fma", 0))
    step = {}
    add(step, own[hot], max(wanted / own[hot]["fma"], 1))
    for k, (first, last) in enumerate(spans):
        if k != hot and first <= spans[hot][0] and spans[hot][1] <= last and wanted:
            add(step, own[k])
    return step

#!/usr/bin/env python3
"""predict.py SHUNT DEVICE: what shunt bench --ranks predicts, against the same model here, fed with the plan that shunt inspect --ranks
shows: what is exchanged, and bounds of the step's time."""
import json
import subprocess
import sys

shunt, device = sys.argv[1:]
COMMON = ["--model", "mini-resnet", "--batch", "4", "--train", "--device", device, "--threads", "1", "--json"]
MBIT, MILLISECONDS = 100, 2


def ask(*arguments, fails=None):
    done = subprocess.run([shunt, *arguments], capture_output=True, text=True)
    if fails:
        assert done.returncode and fails in done.stderr, f"{arguments}: {done.stderr}"
        return None
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return json.loads(done.stdout)


def near(a, b):
    assert abs(a - b) <= 1e-3 * abs(b) + 1e-6, (a, b)


def exchanged_ms(ranks, adding, halved):
    """Each rank's messages, one after the other, and the adding."""
    others, seconds = ranks - 1, 0
    for step in ask("inspect", *COMMON[:-1], "--json", "--ranks", str(ranks))["steps"]:
        if not step["kind"].startswith("send "):
            continue
        seconds += others * MILLISECONDS * 1e-3
        if step["kind"] == "send to sum":
            size = step["bytes"] / (2 if halved else 1)
            seconds += size * others / ranks / (MBIT * 1e6 / 8) + size / (adding * 1e9)
        else:
            seconds += step["bytes"] * others / (MBIT * 1e6 / 8)
    return 1e3 * seconds


bench = ["bench", *COMMON, "--repeats", "2", "--warm-up", "1", "--ranks", "1,2,7", "--link", f"{MBIT}Mbit,{MILLISECONDS}ms"]
for options in [], ["--bf16-gradients"]:
    result = ask(*bench, *options)
    alone, adding = result["alone_ms"], result["link"]["adding_gbytes_per_second"]
    near(result["link"]["gbit_per_second"], MBIT / 1e3)
    near(result["link"]["latency_us"], 1e3 * MILLISECONDS)
    assert [p["ranks"] for p in result["predicted"]] == [1, 2, 7]
    for p in result["predicted"]:
        near(p["efficiency"] * p["step_ms"], alone)
        if p["ranks"] == 1:
            assert p["communication_ms"] == 0 and abs(p["efficiency"] - 1) < 0.01, p
            continue
        near(p["communication_ms"], exchanged_ms(p["ranks"], adding, bool(options)))
        # Whatever overlaps, the step is no shorter than what is exchanged, and no longer than that and what is computed.
        assert 0.999 * p["communication_ms"] <= p["step_ms"] <= 1.001 * (p["communication_ms"] + alone), p
        assert 0 <= p["overlapped"] <= 1, p

for link, reason in [("25", "a rate and a latency"), ("25Gbit", "a rate and a latency"), ("25Gbit,5", "a rate and a latency"),
                     ("-1Gbit,5us", "a rate and a latency"), ("measured", "no other rank")]:
    ask("bench", *COMMON, "--repeats", "1", "--warm-up", "0", "--ranks", "2", "--link", link, fails=reason)
for ranks in "0", "2,", "x", "70000":
    ask("bench", *COMMON, "--ranks", ranks, "--link", "1Gbit,1us", fails="--ranks")
ask("bench", *COMMON, "--ranks", "2", fails="go together")
print("ok")

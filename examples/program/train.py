# Gradient descent as a trial: reads parameters, goes on from its checkpoint, reports each step.
import json
import os
import pathlib

STEPS = 20

params = json.loads(os.environ["HYPERTUNE_PARAMS"])
checkpoint = pathlib.Path(os.environ["HYPERTUNE_CHECKPOINT_DIR"]) / "state.json"
reports = os.fdopen(int(os.environ["HYPERTUNE_REPORT_FD"]), "w")

state = {"step": 0, "x": 10.0, "speed": 0.0}
if checkpoint.exists():
    state = json.loads(checkpoint.read_text())

while state["step"] < STEPS:
    slope = 2 * (state["x"] - 3)
    state["speed"] = params["momentum"] * state["speed"] - params["learning_rate"] * slope
    state["x"] += state["speed"]
    state["step"] += 1
    # Written aside and then renamed: whoever goes on from it never finds half of it.
    part = checkpoint.with_suffix(".part")
    part.write_text(json.dumps(state))
    part.replace(checkpoint)
    report = {"step": state["step"], "loss": (state["x"] - 3) ** 2}
    print(json.dumps(report), file=reports, flush=True)

print(json.dumps({"result": {"loss": (state["x"] - 3) ** 2}}), file=reports, flush=True)

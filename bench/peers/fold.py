"""What the Python peers share: a fold's files, the clock, and the one line of JSON."""

import json
import sys
import time

import numpy as np


class Fold:
    """The files that bench/versus wrote, and the folder for predictions."""

    def __init__(self):
        self.folder, self.out, self.settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
        with open(f"{self.folder}/shape.json") as f:
            shape = json.load(f)
        self.grid = np.array(shape["grid"])
        self.x, self.time, self.event = self._part("train", shape["train"], shape["columns"])
        self.x_test, self.time_test, self.event_test = self._part("test", shape["test"], shape["columns"])

    def _part(self, name, rows, columns):
        table = np.fromfile(f"{self.folder}/{name}.f64").reshape(columns + 2, rows)
        return np.ascontiguousarray(table[:columns].T), table[columns], table[columns + 1] == 1

    def predictions(self):
        """Those of everfold's Cox model, for peers that only score."""
        risk = np.fromfile(f"{self.folder}/risk.f64")
        surv = np.fromfile(f"{self.folder}/surv.f32", dtype=np.float32).reshape(len(risk), len(self.grid))
        return risk, surv

    def outcome(self, time_, event):
        return np.array(list(zip(event, time_)), dtype=[("event", "?"), ("time", "f8")])


def timed(action):
    start = time.perf_counter()
    result = action()
    return result, time.perf_counter() - start


def finish(fold, seconds, version, risk=None, surv=None, value=None):
    """Writes predictions, if any, and the line that bench/versus reads."""
    if risk is not None:
        np.asarray(risk, dtype=np.float64).tofile(f"{fold.out}/risk.f64")
    if surv is not None:
        np.clip(np.asarray(surv), 0, 1).astype(np.float32).tofile(f"{fold.out}/surv.f32")
    print(json.dumps({"seconds": seconds, "version": version, "value": value}))

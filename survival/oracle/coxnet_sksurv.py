"""Oracle for survival/coxnet: scikit-survival's CoxnetSurvivalAnalysis at a tight tolerance.

Run from the repository root: .cache/oracle/bin/python survival/oracle/coxnet_sksurv.py
Encoding as survival/oracle/oracle.go describes. Without ties scikit-survival's path and
its end are right; with ties its null deviance is not, and the path ends too early.
"""
import csv
import json
import warnings

import numpy as np
import sksurv
from sksurv.linear_model import CoxnetSurvivalAnalysis

SETS = {
    "lung": ("lung.csv", ["age", "sex", "ph.ecog"]),
    "gbsg2": ("gbsg2.csv", None),
    "rossi": ("rossi.csv", None),
    "veteran": ("veteran_lung.csv", None),
    "whas500": ("whas500.csv", None),
}


def load(name):
    file, columns = SETS[name]
    with open("testdata/public/" + file, encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f))
    used = columns or [c for c in rows[0] if c not in ("time", "event")]
    rows = [r for r in rows if all(r[c] != "" for c in used)]
    encoded = []
    for c in used:
        values = [r[c] for r in rows]
        try:
            encoded.append([float(v) for v in values])
        except ValueError:
            for level in sorted(set(values))[1:]:
                encoded.append([float(v == level) for v in values])
    x = np.array(encoded).T
    time = np.array([float(r["time"]) for r in rows])
    event = np.array([r["event"] == "1" for r in rows])
    return x, time, event


def untied(time):
    """Distinct times in the same order: row number breaks ties."""
    out = np.empty(len(time))
    out[np.argsort(time, kind="stable")] = np.arange(1, len(time) + 1)
    return out


def fit(x, time, event, **settings):
    y = np.array(list(zip(event, time)), dtype=[("event", bool), ("time", float)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = CoxnetSurvivalAnalysis(max_iter=10_000_000, **settings)
        return model.fit(x, y)


def case(name, ratio, factors=None):
    x, time, event = load(name)
    time = untied(time)
    factor = None if factors is None else np.resize(np.array(factors, float), x.shape[1])
    m = fit(x, time, event, l1_ratio=ratio, alpha_min_ratio=0.01, penalty_factor=factor, tol=1e-14)
    keep = np.unique(np.linspace(0, len(m.alphas_) - 1, 8).astype(int))
    return {
        "set": name, "ratio": ratio, "factors": None if factor is None else factor.tolist(),
        "length": len(m.alphas_), "at": keep.tolist(), "alphas": m.alphas_[keep].tolist(),
        "coefficients": m.coef_.T[keep].tolist(), "dev_ratio": m.deviance_ratio_[keep].tolist(),
    }


def tied(name, width):
    """Times in steps of width: how far does scikit-survival's path get?"""
    x, time, event = load(name)
    m = fit(x, np.ceil(time / width), event, l1_ratio=0.5, alpha_min_ratio=0.01, tol=1e-10)
    return {"set": name, "width": width, "length": len(m.alphas_)}


cases = []
for name in SETS:
    cases += [case(name, 1.0), case(name, 0.5), case(name, 0.1), case(name, 0.5, [1, 0.5, 3])]
result = {
    "tool": f"scikit-survival {sksurv.__version__}, numpy {np.__version__}",
    "cases": cases,
    "tied": [tied("whas500", 365), tied("gbsg2", 365), tied("rossi", 10)],
}
with open("survival/coxnet/testdata/sksurv.json", "w", encoding="utf-8") as f:
    json.dump(result, f)
    f.write("\n")

"""Oracle for the convention scikit-survival: its own metrics on the folds of metric_fold.R.

Run from the repository root: python survival/oracle/metric_sksurv.py
"""
import json

import numpy as np
import pandas as pd
import sksurv
from sksurv import metrics

SETS = {"lung": ("lung.csv", ["age", "sex", "ph.ecog"]), "gbsg2": ("gbsg2.csv", None),
        "rossi": ("rossi.csv", None), "veteran": ("veteran_lung.csv", None), "whas500": ("whas500.csv", None)}


def fold(name):
    """The rows, predictions and grid that metric_fold.R describes."""
    file, columns = SETS[name]
    d = pd.read_csv(f"testdata/public/{file}")
    d = d.dropna(subset=columns if columns else list(d.columns)).reset_index(drop=True)
    time, event = d["time"].to_numpy(float), d["event"].to_numpy(int) == 1
    i = np.arange(len(d))
    u = ((37 * i) % 101) / 101
    largest = time.max()
    test = (i % 3 == 1) & (time < largest)
    distinct = np.unique(time[test])
    at = np.unique(np.floor(np.linspace(0.05, 0.85, 12) * len(distinct)).astype(int))
    times = distinct[at]
    risk = np.floor(10 * (2 * u - time / largest)) / 10
    surv = np.floor(4096 * np.exp(-np.outer(np.exp(u), times / largest))) / 4096
    return time, event, i, test, times, risk, surv


def case(name, near):
    time, event, i, test, times, risk, surv = fold(name)
    if near:
        risk = risk + 0.6e-8 * (i % 5)
    y = np.fromiter(zip(event, time), dtype=[("event", bool), ("time", float)])
    train, scored = y[~test], y[test]
    tau = times[-1]
    auc, mean = metrics.cumulative_dynamic_auc(train, scored, risk[test], times)
    harrell = metrics.concordance_index_censored(event[test], time[test], risk[test])
    _, brier = metrics.brier_score(train, scored, surv[test], times)
    return {
        "set": name, "near": near, "times": times.tolist(), "tau": float(tau),
        "harrell": [float(v) for v in harrell],
        "uno": float(metrics.concordance_index_ipcw(train, scored, risk[test], tau=tau)[0]),
        "brier": brier.tolist(), "ibs": float(metrics.integrated_brier_score(train, scored, surv[test], times)),
        "auc": auc.tolist(), "auc_mean": float(mean),
    }


cases = [case(name, near) for name in SETS for near in (False, True)]
with open("survival/metric/testdata/sksurv.json", "w") as out:
    json.dump({"tool": f"scikit-survival {sksurv.__version__}, numpy {np.__version__}", "cases": cases}, out)

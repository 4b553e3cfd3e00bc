"""Oracle for survival/forest: scikit-survival's RandomSurvivalForest on two thirds of four public
sets, scores of the other third, for ten seeds.

Run from the repository root: python survival/oracle/forest_sksurv.py
"""
import json

import numpy as np
import pandas as pd
import sksurv
from sksurv.ensemble import RandomSurvivalForest
from sksurv.metrics import concordance_index_censored

SETS = {"lung": ("lung.csv", ["age", "sex", "ph.ecog"]), "gbsg2": ("gbsg2.csv", None),
        "veteran": ("veteran_lung.csv", None), "whas500": ("whas500.csv", None)}


def load(name):
    """The encoding of package survival/oracle: columns in file order, treatment coding."""
    file, columns = SETS[name]
    d = pd.read_csv(f"testdata/public/{file}")
    d = d.dropna(subset=columns if columns else list(d.columns)).reset_index(drop=True)
    columns = columns or [c for c in d.columns if c not in ("time", "event")]
    blocks = []
    for c in columns:
        if pd.api.types.is_numeric_dtype(d[c]):
            blocks.append(d[c].to_numpy(float)[:, None])
        else:
            for level in sorted(d[c].unique())[1:]:
                blocks.append((d[c] == level).to_numpy(float)[:, None])
    return np.hstack(blocks), d["time"].to_numpy(float), d["event"].to_numpy(int) == 1


def squared_error(time, event, curves, grid):
    """Mean over grid and rows known at t of (1(T > t) - S(t))^2: no weights that could differ."""
    terms = []
    for j, t in enumerate(grid):
        known = (time > t) | event
        terms.append(np.mean(((time[known] > t) - curves[known, j]) ** 2))
    return float(np.mean(terms))


def case(name):
    x, time, event = load(name)
    i = np.arange(len(time))
    train, test = i % 3 > 0, i % 3 == 0
    y = np.fromiter(zip(event, time), dtype=[("event", bool), ("time", float)])
    grid = np.quantile(time[train & event], [0.1, 0.3, 0.5, 0.7, 0.8], method="lower")
    c, error = [], []
    for seed in range(10):
        model = RandomSurvivalForest(n_estimators=500, min_samples_split=6, min_samples_leaf=3, random_state=seed)
        model.fit(x[train], y[train])
        c.append(float(concordance_index_censored(event[test], time[test], model.predict(x[test]))[0]))
        curves = np.array([f(grid) for f in model.predict_survival_function(x[test])])
        error.append(squared_error(time[test], event[test], curves, grid))
    return {"set": name, "times": grid.tolist(), "cindex": c, "error": error}


with open("survival/forest/testdata/sksurv.json", "w") as out:
    json.dump({"tool": f"scikit-survival {sksurv.__version__}, numpy {np.__version__}",
               "cases": [case(name) for name in SETS]}, out)

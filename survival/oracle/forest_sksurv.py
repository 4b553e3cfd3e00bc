"""Oracle for survival/forest: scikit-survival's RandomSurvivalForest on two thirds of four public
sets, Harrell's C and the integrated Brier score (weights from the training rows) of the other third,
for ten seeds.

Run from the repository root: python survival/oracle/forest_sksurv.py
"""
import json

import numpy as np
import pandas as pd
import sksurv
from sksurv.ensemble import RandomSurvivalForest
from sksurv.metrics import concordance_index_censored, integrated_brier_score

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


def case(name):
    x, time, event = load(name)
    i = np.arange(len(time))
    train, test = i % 3 > 0, i % 3 == 0
    y = np.fromiter(zip(event, time), dtype=[("event", bool), ("time", float)])
    grid = np.unique(np.quantile(time[train & event], np.linspace(0.02, 0.8, 40), method="lower"))
    grid = grid[(grid >= time[test].min()) & (grid < time[test].max())]  # the function takes no others
    # It refuses events beyond the last training time; beyond the grid's end they count as censored.
    held = y[test].copy()
    held["event"] &= held["time"] < time[train].max()
    held["time"] = np.minimum(held["time"], np.nextafter(time[train].max(), 0))
    c, ibs = [], []
    for seed in range(10):
        model = RandomSurvivalForest(n_estimators=500, min_samples_split=6, min_samples_leaf=3, random_state=seed)
        model.fit(x[train], y[train])
        c.append(float(concordance_index_censored(event[test], time[test], model.predict(x[test]))[0]))
        curves = np.array([f(grid) for f in model.predict_survival_function(x[test])])
        ibs.append(float(integrated_brier_score(y[train], held, curves, grid)))
    return {"set": name, "times": grid.tolist(), "cindex": c, "ibs": ibs}


with open("survival/forest/testdata/sksurv.json", "w") as out:
    json.dump({"tool": f"scikit-survival {sksurv.__version__}, numpy {np.__version__}",
               "cases": [case(name) for name in SETS]}, out)

"""Oracle for survival/boost: scikit-survival's GradientBoostingSurvivalAnalysis on two thirds of
each public set, scores of the other third. It breaks ties between equally good splits at random,
so each set is fitted with several seeds, and how far these agree among themselves is kept.
With at least five rows a leaf nothing ties: all seeds agree to rounding (asserted here).

Run from the repository root: python survival/oracle/trees_sksurv.py
"""
import json
from itertools import combinations

import numpy as np
import pandas as pd
import sksurv
from scipy.stats import spearmanr
from sksurv.ensemble import GradientBoostingSurvivalAnalysis
from sksurv.metrics import concordance_index_censored

SETS = {"lung": ("lung.csv", ["age", "sex", "ph.ecog"]), "gbsg2": ("gbsg2.csv", None),
        "rossi": ("rossi.csv", None), "veteran": ("veteran_lung.csv", None), "whas500": ("whas500.csv", None)}


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


SEEDS = range(8)


def fit(x, y, trees, seed, least=1):
    model = GradientBoostingSurvivalAnalysis(n_estimators=trees, learning_rate=0.1, max_depth=3, random_state=seed,
                                             min_samples_leaf=least)
    return model.fit(x, y)


def untied(x, y, at):
    """The scores of a fit without ties."""
    risks = [fit(x, y, 100, seed, 5).predict(at) for seed in SEEDS]
    assert max(np.abs(risks[0] - r).max() for r in risks) < 1e-14
    return risks[0].tolist()


def case(name):
    x, time, event = load(name)
    i = np.arange(len(time))
    train, test = i % 3 > 0, i % 3 == 0
    y = np.fromiter(zip(event, time), dtype=[("event", bool), ("time", float)])
    models = [fit(x[train], y[train], 100, seed) for seed in SEEDS]
    risks = [m.predict(x[test]) for m in models]
    c = [float(concordance_index_censored(event[test], time[test], r)[0]) for r in risks]
    grid = np.quantile(time[train & event], [0.1, 0.25, 0.5, 0.75, 0.9], method="lower")
    curves = [[float(f(t)) for t in grid] for f in models[0].predict_survival_function(x[test])]
    return {"set": name, "early": fit(x[train], y[train], 10, 0).predict(x[train]).tolist(),
            "untied": untied(x[train], y[train], x[test]),
            "risk": risks[0].tolist(), "times": grid.tolist(), "survival": curves, "cindex": c,
            "correlation": min(float(spearmanr(a, b)[0]) for a, b in combinations(risks, 2))}


with open("survival/boost/testdata/sksurv.json", "w") as out:
    json.dump({"tool": f"scikit-survival {sksurv.__version__}, numpy {np.__version__}",
               "cases": [case(name) for name in SETS]}, out)

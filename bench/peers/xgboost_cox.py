"""XGBoost's Cox boosting on histograms; curves by Breslow's baseline of the training rows."""

import numpy as np
import xgboost

from fold import Fold, finish, timed

fold = Fold()
label = np.where(fold.event, fold.time, -fold.time)  # negative: censored


def fit():
    train = xgboost.DMatrix(fold.x, label=label)
    return train, xgboost.train(
        {"objective": "survival:cox", "tree_method": "hist", "nthread": fold.settings["threads"],
         "eta": fold.settings["eta"], "lambda": fold.settings["lambda"], "max_depth": 3, "seed": 1},
        train, num_boost_round=fold.settings["trees"])


(train, model), seconds = timed(fit)
margin = model.predict(train, output_margin=True).astype(float)
risk = model.predict(xgboost.DMatrix(fold.x_test), output_margin=True).astype(float)

order = np.argsort(fold.time, kind="stable")
time, weight = fold.time[order], np.exp(margin[order])
at_risk = np.cumsum(weight[::-1])[::-1][np.searchsorted(time, time)]  # all with T >= t
hazard = np.cumsum(fold.event[order] / at_risk)
last = np.searchsorted(time, fold.grid, side="right") - 1
baseline = np.where(last >= 0, hazard[np.maximum(last, 0)], 0)
finish(fold, seconds, "XGBoost " + xgboost.__version__, risk, np.exp(-np.exp(risk)[:, None] * baseline))

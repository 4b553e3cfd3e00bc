"""comprisk's forest with its own, coarse defaults: sqrt(p) features, 10 random splits, 10 time
bins, depth 15. One cause, so survival is 1 less its cumulative incidence."""

import comprisk
import numpy as np

from fold import Fold, finish, timed

fold = Fold()
small = comprisk.CompetingRiskForest(n_estimators=1, random_state=0, n_jobs=fold.settings["threads"], device="cpu")
small.fit(fold.x[:500], fold.time[:500], fold.event[:500].astype(int))  # its compiler is not timed

forest = comprisk.CompetingRiskForest(
    n_estimators=fold.settings["trees"], random_state=1, n_jobs=fold.settings["threads"], device="cpu")
_, seconds = timed(lambda: forest.fit(fold.x, fold.time, fold.event.astype(int)))
risk = forest.predict_risk(fold.x_test)
surv = 1 - forest.predict_cif(fold.x_test, times=fold.grid)
if surv.ndim == 3:
    surv = surv[:, 0, :]
finish(fold, seconds, "comprisk " + comprisk.__version__, risk, surv)

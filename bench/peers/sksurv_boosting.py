"""scikit-survival's gradient boosting of the Cox likelihood: quadratic in rows, so few of them."""

import numpy as np
import sksurv
from sksurv.ensemble import GradientBoostingSurvivalAnalysis

from fold import Fold, finish, timed

fold = Fold()
model = GradientBoostingSurvivalAnalysis(n_estimators=fold.settings["trees"], learning_rate=0.1, max_depth=3, random_state=1)
_, seconds = timed(lambda: model.fit(fold.x, fold.outcome(fold.time, fold.event)))
surv = np.vstack([f(fold.grid) for f in model.predict_survival_function(fold.x_test)])
finish(fold, seconds, "scikit-survival " + sksurv.__version__, model.predict(fold.x_test), surv)

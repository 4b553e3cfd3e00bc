"""scikit-survival's exact forest with all features. low_memory, without which 16,000 rows do
not fit; it gives no curves then."""

import sksurv
from sksurv.ensemble import RandomSurvivalForest

from fold import Fold, finish, timed

fold = Fold()
forest = RandomSurvivalForest(n_estimators=fold.settings["trees"], max_features=None, min_samples_split=10, min_samples_leaf=5,
                              n_jobs=fold.settings["threads"], random_state=1, low_memory=True)
_, seconds = timed(lambda: forest.fit(fold.x, fold.outcome(fold.time, fold.event)))
finish(fold, seconds, "scikit-survival " + sksurv.__version__, forest.predict(fold.x_test))

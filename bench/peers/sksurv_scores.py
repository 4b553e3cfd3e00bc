"""scikit-survival's concordance or integrated Brier score of given predictions."""

import sksurv
from sksurv.metrics import concordance_index_censored, integrated_brier_score

from fold import Fold, finish, timed

fold = Fold()
risk, surv = fold.predictions()
if fold.settings["score"] == "concordance":
    value, seconds = timed(lambda: concordance_index_censored(fold.event_test, fold.time_test, risk)[0])
else:
    train, test = fold.outcome(fold.time, fold.event), fold.outcome(fold.time_test, fold.event_test)
    value, seconds = timed(lambda: integrated_brier_score(train, test, surv, fold.grid))
finish(fold, seconds, "scikit-survival " + sksurv.__version__, value=value)

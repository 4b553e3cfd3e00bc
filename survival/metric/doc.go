// Package metric scores predictions of right-censored survival data: Harrell's, Uno's and
// Antolini's concordance, the censoring-weighted Brier score, its integral (IBS), the index
// of prediction accuracy (IPA), the integrated log-likelihood, the cumulative/dynamic AUC,
// D-calibration and calibration at a horizon. It compares two models over folds
// ([NadeauBengio]) and corrects the score of the best of many ([CorrectBestOf]).
//
// Notation as in package survival; r_i is the predicted risk of test row i (higher: an
// earlier event), S(t|i) its predicted survival curve, Ĝ the Kaplan–Meier estimate of
// the censoring distribution, always from the training rows.
//
// Peers disagree on ties and on Ĝ, so every function takes a [Convention]:
//
//	                    riskregression     scikit-survival    mlr3proba
//	pairs at one time   event, censored    event, censored    none
//	equal risks (½)     exact              within 1e-8        exact
//	at risk for Ĝ       events left first  events left first  everyone with T ≥ t
//	Ĝ of an event       Ĝ(T−)              Ĝ(T)               Ĝ(T); 0 is taken as 0.001
//	Ĝ of a survivor     Ĝ(t)               Ĝ(t)               Ĝ(t)
//	AUC marker          1 − S(t)           r                  1 − S(t)
//
// A value that the data leave undefined is an *[Undefined] error with a stable reason,
// never NaN. With left truncation Ĝ is not identified by these estimators: only Harrell's
// and Antolini's C and calibration at a horizon are defined. Case weights multiply every row: a pair counts w_i·w_j.
//
// Preconditions: outcomes satisfy survival.Outcome.Validate, risks are finite, curves lie
// in [0,1], grid times ascend; slices given together have equal length (else panic).
//
// References: Harrell et al. (1996), Stat Med 15:361; Uno et al. (2011), Stat Med
// 30:1105; Graf et al. (1999), Stat Med 18:2529; Gerds and Schumacher (2006), Biom J
// 48:1029; Kattan and Gerds (2018), Diagn Progn Res 2:7; Uno et al. (2007), JASA 102:527;
// Hung and Chiang (2010), Can J Stat 38:8. The time-weighted mean of the AUC follows
// Lambert and Chevret (2016), Stat Methods Med Res 25:2088.
//
// Functions whose paper is not listed here name it.
//
// Not here: competing risks; the models that draw calibration curves and the random
// streams of bootstraps, which are handed in.
package metric

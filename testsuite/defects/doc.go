// Package defects holds one test for each defect known of a peer: a fixture, the defective
// formula written out, its number, which is the peer's own where it was published or
// measured, and ours. It has tests only.
//
// The list, with the tests that are elsewhere because they need a model's internals:
//
//	XGBoost survival:cox: the risk set grows within a tie          here; survival/cox, TestPeerTiedEventsShareOneRiskSet
//	scikit-survival: Uno's weights at T, not before                here
//	scikit-survival: a step function before and past its steps     here
//	scikit-survival Coxnet: null deviance ignores ties             survival/coxnet, TestTiesDoNotEndThePath
//	scikit-survival Coxnet: its tolerance stops early              here
//	scikit-survival user guide: Ĝ from training and test rows      here
//	scikit-survival AUC: Ĝ = 0 past the last grid time raises      here
//	scikit-survival, lifelines: Breslow's baseline under Efron     survival/cox, TestPeerBaselineFollowsTies
//	mlr3proba: D-calibration counts a row three times              here
//	lifelines: the baseline ignores entry times                    survival/cox, TestPeerBaselineKnowsEntry
//	lifelines: curves of strata in another order than asked        survival/cox, TestPeerStrataKeepRowOrder
//	lifelines: Weibull's fit stops early                           here
//	R predict.survreg: NA once a column is aliased                 here
//	R timefix: near-equal times are merged                         survival/cox, TestPeerNearTimesStayApart
//	255 bins where thresholds should be exact                      here
package defects

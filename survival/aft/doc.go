// Package aft fits accelerated-failure-time models
//
//	log T = η + σW,   η = β₀ + xβ
//
// by maximum likelihood. With W a standard smallest-extreme-value variable
// (S(w) = exp(−e^w)) T is Weibull:
//
//	S(t|x) = exp(−exp((log t − η)/σ)) = exp(−(t/e^η)^{1/σ})
//
// A row contributes, with z = (log t − η)/σ at its time and z_L at its entry,
//
//	w·[δ·(log f(z) − log σ − log t) + (1−δ)·log S(z) − log S(z_L)]
//
// so log-likelihoods are those of T, as R's survreg reports them. Entry times not above
// 0 truncate nothing. β has the sign of log time: a positive coefficient means longer
// survival; the proportional-hazards coefficient is −β/σ, Weibull's shape 1/σ, and the
// risk score −η.
//
// Preconditions: the outcome satisfies survival.Outcome.Validate and covariates are
// finite. The likelihood is maximised over (β, log σ) with analytic second derivatives.
//
// References: Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data
// (2002), ch. 3; for left truncation Klein and Moeschberger, Survival Analysis (2003), §3.5.
//
// Not here: interval or left censoring, robust variances, strata with scales of their own.
package aft

// Package aft fits accelerated-failure-time models
//
//	log T = η + σW,   η = β₀ + xβ
//
// by maximum likelihood, where the [Distribution] says what W is:
//
//	Weibull      S(t|x) = exp(−(t/e^η)^{1/σ})        W smallest extreme value
//	exponential  the same with σ = 1
//	log-normal   S(t|x) = 1 − Φ((log t − η)/σ)       W normal
//	log-logistic S(t|x) = 1/(1 + (t/e^η)^{1/σ})      W logistic
//
// A row contributes, with z = (log t − η)/σ at its time and z_L at its entry,
//
//	w·[δ·(log f(z) − log σ − log t) + (1−δ)·log S(z) − log S(z_L)]
//
// so log-likelihoods are those of T, as R's survreg reports them. Entry times not above
// 0 truncate nothing. β has the sign of log time: a positive coefficient means longer
// survival; the risk score is −η. Weibull's proportional-hazards coefficient is −β/σ and
// its shape 1/σ; the log-logistic's proportional-odds coefficient is −β/σ.
//
// Preconditions: the outcome satisfies survival.Outcome.Validate and covariates are
// finite. The likelihood is maximised over (β, log σ) with analytic second derivatives.
//
// References: Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data
// (2002), ch. 3; for left truncation Klein and Moeschberger, Survival Analysis (2003), §3.5.
//
// Not here: interval or left censoring, robust variances, strata with scales of their own.
package aft

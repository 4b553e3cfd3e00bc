// Package synthetic makes the production-shaped table: customers of a payment service who
// leave or are still there, as large as needed.
//
// Columns: account_entities_key; nine numeric covariates (money is log-normal in cents, counts
// are floored log-normals; the first five miss 1.5, 3, 4.5, 6 and 7.5 % of their values, at
// random); typeoftariff_coarse (6 levels, the rarest 1 %) and risk_level_coarse (4 levels, 2 %
// missing); survival_months and is_terminated. All eleven covariates are cut from Gaussians
// with pairwise correlation 0.35.
//
// Outcome: proportional hazards on a Weibull baseline, S(t | x) = exp(−(t/1500)^1.3·e^η) with
// t in days (inversion: Bender, Augustin and Blettner, Stat. Med. 24, 2005). η is linear in
// most latents and has a quadratic hinge, an interaction and a sine, so that trees beat a
// linear model. Customers joined at different times (at most 30 to 3,650 days under
// observation, uniformly) and get lost (exponential, mean 4,000 days). Times are whole days
// divided by 30.4375, rounded to 4 decimals: about 3,600 distinct ones; about 55 % events.
// η is known for every row (Customer.LogHazard), so what the best possible model reaches can
// be computed.
//
// The same seed gives the same bytes on every machine: a row's random numbers are Philox
// blocks named by seed and row, and the functions of portable.go round the same everywhere.
//
// Non-goals: other shapes of tables, time-varying covariates, competing risks.
package synthetic

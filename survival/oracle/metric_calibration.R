# Oracle for D-calibration and for calibration at a horizon, with and without case weights,
# on the fold of metric_fold.R.
#
# D-calibration: the buckets of Haider et al. (2020) as plain loops, pchisq for the tail. The
# value taken for S(T) is column 6 of the predictions: any number in [0, 1] will do.
# Calibration at the 6th grid time: coxph() on Hmisc's restricted cubic spline of
# log(-log(1 - p)), three knots; survfit() gives what is observed. Quantiles are type 2, with
# weights 0.5, 1, 1.5, 2 as 1 to 4 copies of a row.
source("survival/oracle/common.R")
source("survival/oracle/metric_fold.R")

d_calibration <- function(event, s, weight, B = 10) {
  counts <- rep(0, B)
  for (i in seq_along(s)) {
    k <- min(floor(s[i] * B), B - 1)
    if (event[i] == 1) {
      counts[k + 1] <- counts[k + 1] + weight[i]
    } else if (s[i] == 0) {
      counts[1] <- counts[1] + weight[i]
    } else {
      counts[k + 1] <- counts[k + 1] + weight[i] * (1 - k / B / s[i])
      for (lower in seq_len(k)) counts[lower] <- counts[lower] + weight[i] / B / s[i]
    }
  }
  even <- sum(weight) / B
  statistic <- sum((counts - even)^2 / even)
  list(counts = counts, statistic = statistic, p = pchisq(statistic, B - 1, lower.tail = FALSE))
}

calibration <- function(time, event, weight, p, horizon) {
  bounded <- pmin(pmax(p, 1e-7), 1 - 1e-7)
  v <- log(-log1p(-bounded))
  copies <- function(x) rep(x, 2 * weight)
  x <- Hmisc::rcspline.eval(v, knots = quantile(copies(v), c(0.1, 0.5, 0.9), type = 2), inclx = TRUE)
  fit <- coxph(Surv(time, event) ~ x, weights = weight, ties = "efron",
               control = coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50, timefix = FALSE))
  base <- survfit(fit, se.fit = FALSE)  # at the means
  hazard <- -log(c(1, base$surv)[findInterval(horizon, base$time) + 1])
  observed <- 1 - exp(-hazard * exp(as.vector((x - rep(fit$means, each = nrow(x))) %*% coef(fit))))
  away <- abs(p - observed)
  list(horizon = horizon, observed = observed, ici = weighted.mean(away, weight),
       e50 = unname(quantile(copies(away), 0.5, type = 2)), e90 = unname(quantile(copies(away), 0.9, type = 2)),
       emax = max(away))
}

case <- function(name) {
  f <- metric_fold(name)
  k <- f$test
  s <- f$survival[k, 6]
  time <- f$time[k]; event <- f$event[k]; weight <- f$weight[k]
  one <- rep(1, length(k))
  list(set = name, d = d_calibration(event, s, one), d_weighted = d_calibration(event, s, weight),
       horizon = calibration(time, event, one, 1 - s, f$times[6]),
       horizon_weighted = calibration(time, event, weight, 1 - s, f$times[6]))
}

write_json_file(list(tool = paste0(made_with(), ", Hmisc ", packageVersion("Hmisc")),
                     cases = lapply(names(sets), case)), "survival/metric/testdata/calibration.json")

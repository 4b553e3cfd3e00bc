# Oracle for Antolini's concordance and the log loss, which no package here computes by the
# conventions: the definitions as plain loops over the fold of metric_fold.R, with case
# weights. Antolini: equal survival counts one half, S(T) is the value at the last grid time
# not after T. Log loss: Ĝ(T-) of the training rows, survival held within [1e-7, 1 - 1e-7].
source("survival/oracle/common.R")
source("survival/oracle/metric_fold.R")

antolini <- function(time, event, weight, entry, survival, times) {
  num <- den <- 0
  for (i in which(event == 1)) {
    k <- findInterval(time[i], times)
    s <- if (k == 0) rep(1, length(time)) else survival[, k]
    for (j in seq_along(time)) {
      later <- time[j] > time[i] || (time[j] == time[i] && event[j] == 0)
      if (later && entry[j] < time[i]) {
        w <- weight[i] * weight[j]
        den <- den + w
        num <- num + w * ((s[i] < s[j]) + 0.5 * (s[i] == s[j]))
      }
    }
  }
  num / den
}

log_loss <- function(time, event, weight, s, t, g) {
  s <- pmin(pmax(s, 1e-7), 1 - 1e-7)
  terms <- ifelse(time > t, -log(s) / g$at(t), ifelse(event == 1, -log1p(-s) / g$left(time), 0))
  sum(weight * terms) / sum(weight)
}

# Survival's own estimate, weighted: events leave just before the censored of their time.
reverse_km <- function(time, event, weight) {
  fit <- survfit(Surv(time - 1e-6 * event, 1 - event) ~ 1, weights = weight, timefix = FALSE)
  change <- fit$n.event > 0
  at <- fit$time[change]; surv <- c(1, fit$surv[change])
  list(left = function(t) surv[findInterval(t, at, left.open = TRUE) + 1],
       at = function(t) surv[findInterval(t, at) + 1])
}

case <- function(name) {
  f <- metric_fold(name)
  k <- f$test
  n <- length(k)
  time <- f$time[k]; event <- f$event[k]
  one <- rep(1, n); never <- rep(-1, n)
  td <- function(weight, entry) antolini(time, event, weight, entry, f$survival[k, ], f$times)
  losses <- function(test, train) {
    g <- reverse_km(f$time[f$train], f$event[f$train], train)
    sapply(seq_along(f$times), function(j) log_loss(time, event, test, f$survival[k, j], f$times[j], g))
  }
  plain <- losses(one, rep(1, length(f$train)))
  m <- length(plain)
  list(set = name, antolini = td(one, never), antolini_weighted = td(f$weight[k], never),
       antolini_entry = td(f$weight[k], f$entry[k]), log_loss = plain,
       log_loss_weighted = losses(f$weight[k], f$weight[f$train]),
       integrated = sum(diff(f$times) * (plain[-1] + plain[-m])) / (2 * (f$times[m] - f$times[1])))
}

write_json_file(list(tool = made_with(), cases = lapply(names(sets), case)), "survival/metric/testdata/curves.json")

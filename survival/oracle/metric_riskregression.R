# Oracle for the convention riskregression.
#
# Package: Score() of riskRegression gives Brier score and AUC at each time; it estimates Ĝ
# from the scored data, so these cases train and test on the test rows.
# Formula: no package computes this convention's C from a training fold. Here it is, as
# double loops over the pairs, with Ĝ(T−) of prodlim's reverse Kaplan-Meier estimate.
source("survival/oracle/common.R")
source("survival/oracle/metric_fold.R")
suppressPackageStartupMessages({library(riskRegression); library(prodlim)})

scored <- function(f) {
  k <- f$test
  d <- data.frame(time = f$time[k], event = f$event[k])
  s <- Score(list(m = 1 - f$survival[k, , drop = FALSE]), formula = Surv(time, event) ~ 1, data = d,
             times = f$times, metrics = c("brier", "auc"), cens.model = "km", se.fit = FALSE,
             null.model = TRUE, contrasts = FALSE, progress.bar = NULL)
  b <- s$Brier$score
  list(brier = b$Brier[b$model == "m"], null = b$Brier[b$model == "Null model"], auc = s$AUC$score$AUC)
}

# Ĝ just before (left) or at each of the times, prodlim's step function.
reverse_km <- function(time, event) {
  fit <- prodlim(Hist(time, event) ~ 1, data = data.frame(time, event), reverse = TRUE)
  list(left = function(t) c(1, fit$surv)[findInterval(t, fit$time, left.open = TRUE) + 1],
       at = function(t) c(1, fit$surv)[findInterval(t, fit$time) + 1])
}

uno <- function(time, event, risk, g, tau) {
  num <- den <- 0
  for (i in which(event == 1 & time < tau)) {
    w <- 1 / g$left(time[i])^2
    for (j in seq_along(time)) {
      if (time[j] > time[i] || (time[j] == time[i] && event[j] == 0)) {
        den <- den + w
        num <- num + w * ((risk[i] > risk[j]) + 0.5 * (risk[i] == risk[j]))
      }
    }
  }
  num / den
}

brier <- function(time, event, s, t, g) {
  mean(ifelse(time > t, (1 - s)^2 / g$at(t), ifelse(event == 1, s^2 / g$left(time), 0)))
}

auc <- function(time, event, s, t, g) {
  num <- den <- 0
  for (i in which(event == 1 & time <= t)) for (j in which(time > t)) {
    w <- 1 / g$left(time[i])
    den <- den + w
    num <- num + w * ((s[i] < s[j]) + 0.5 * (s[i] == s[j]))
  }
  num / den
}

integrate_grid <- function(t, b) {
  m <- length(t)
  sum(diff(t) * (b[-1] + b[-m])) / (2 * (t[m] - t[1]))
}

case <- function(name) {
  f <- metric_fold(name)
  k <- f$test
  time <- f$time[k]; event <- f$event[k]
  g <- reverse_km(f$time[f$train], f$event[f$train])
  columns <- seq_along(f$times)
  b <- sapply(columns, function(j) brier(time, event, f$survival[k, j], f$times[j], g))
  a <- sapply(columns, function(j) auc(time, event, f$survival[k, j], f$times[j], g))
  null <- summary(survfit(Surv(f$time[f$train], f$event[f$train]) ~ 1, timefix = FALSE), times = f$times)$surv
  b0 <- sapply(columns, function(j) brier(time, event, rep(null[j], length(k)), f$times[j], g))
  km <- summary(survfit(Surv(time, event) ~ 1, timefix = FALSE), times = f$times)$surv
  steps <- -diff(c(1, km))
  list(set = name, times = f$times, tau = f$tau, package = scored(f),
       uno = uno(time, event, f$risk[k], g, f$tau), uno_all = uno(time, event, f$risk[k], g, Inf),
       brier = b, auc = a, ibs = integrate_grid(f$times, b),
       ipa = 1 - integrate_grid(f$times, b) / integrate_grid(f$times, b0),
       auc_mean = sum((a * steps)[steps > 0]) / sum(steps))
}

write_json_file(list(tool = paste0(made_with(), ", riskRegression ", packageVersion("riskRegression"),
                                   ", prodlim ", packageVersion("prodlim")),
                     cases = lapply(names(sets), case)), "survival/metric/testdata/riskregression.json")

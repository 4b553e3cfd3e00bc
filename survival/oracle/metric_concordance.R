# Oracle for both C: concordance() of R's survival with case weights and, for Harrell's C,
# entry times. The pairs at one time follow the rule event before censored; risks tie exactly.
# Uno's C is timewt "n/G2": Ĝ(T−)⁻² with Ĝ of the scored rows, events leaving first.
source("survival/oracle/common.R")
source("survival/oracle/metric_fold.R")

case <- function(name, weighted, entry) {
  f <- metric_fold(name)
  k <- f$test
  y <- if (entry) Surv(f$entry[k], f$time[k], f$event[k]) else Surv(f$time[k], f$event[k])
  w <- if (weighted) f$weight[k] else rep(1, length(k))
  fit <- concordance(y ~ risk, data = data.frame(risk = f$risk[k]), weights = w,
                     reverse = TRUE, timefix = FALSE)
  out <- list(set = name, weighted = weighted, entry = entry, cindex = unname(fit$concordance),
              se = sqrt(unname(fit$var)), count = as.list(fit$count))
  if (entry) return(out)
  uno <- concordance(y ~ risk, data = data.frame(risk = f$risk[k]), weights = w,
                     reverse = TRUE, timefix = FALSE, timewt = "n/G2")
  c(out, list(uno = unname(uno$concordance), uno_se = sqrt(unname(uno$var))))
}

cases <- list()
for (name in names(sets)) for (weighted in c(FALSE, TRUE)) for (entry in c(FALSE, TRUE)) {
  cases <- c(cases, list(case(name, weighted, entry)))
}
write_json_file(list(tool = made_with(), cases = cases), "survival/metric/testdata/concordance.json")

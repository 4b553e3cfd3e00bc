# Oracle for Harrell's C: concordance() of R's survival with case weights and entry times.
# The pairs at one time follow the rule event before censored; risks tie exactly.
source("survival/oracle/common.R")
source("survival/oracle/metric_fold.R")

case <- function(name, weighted, entry) {
  f <- metric_fold(name)
  k <- f$test
  y <- if (entry) Surv(f$entry[k], f$time[k], f$event[k]) else Surv(f$time[k], f$event[k])
  w <- if (weighted) f$weight[k] else rep(1, length(k))
  fit <- concordance(y ~ risk, data = data.frame(risk = f$risk[k]), weights = w,
                     reverse = TRUE, timefix = FALSE)
  list(set = name, weighted = weighted, entry = entry, cindex = unname(fit$concordance),
       se = sqrt(unname(fit$var)), count = as.list(fit$count))
}

cases <- list()
for (name in names(sets)) for (weighted in c(FALSE, TRUE)) for (entry in c(FALSE, TRUE)) {
  cases <- c(cases, list(case(name, weighted, entry)))
}
write_json_file(list(tool = made_with(), cases = cases), "survival/metric/testdata/concordance.json")

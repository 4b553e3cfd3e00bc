# Oracle for survival/nonparam: survfit without time fixing.
source("survival/oracle/common.R")

case <- function(name, weighted = FALSE, entry = FALSE) {
  d <- load_set(name)
  w <- if (weighted) d$weight else rep(1, length(d$time))
  y <- if (entry) Surv(d$entry, d$time, d$event) else Surv(d$time, d$event)
  km <- survfit(y ~ 1, weights = w, timefix = FALSE)
  g <- if (entry) Surv(d$entry, d$time, 1 - d$event) else Surv(d$time, 1 - d$event)
  plain <- survfit(g ~ 1, weights = w, timefix = FALSE)
  # Events before the censored: the events' rows end a hair earlier, so that they have left.
  ended <- d$time - 1e-7 * d$event
  before <- if (entry) Surv(d$entry, ended, 1 - d$event) else Surv(ended, 1 - d$event)
  reverse <- survfit(before ~ 1, weights = w, timefix = FALSE)
  times <- sort(unique(d$time))
  times <- times[unique(round(seq(1, length(times), length.out = 60)))]
  at <- function(fit, values, start) c(start, values)[findInterval(times, fit$time) + 1]
  list(set = name, weighted = weighted, entry = entry, times = times,
       survival = at(km, km$surv, 1), hazard = at(km, cumsum(km$n.event / km$n.risk), 0),
       censoring = at(plain, plain$surv, 1), reverse = at(reverse, reverse$surv, 1))
}

cases <- list()
for (name in names(sets)) {
  cases <- c(cases, list(case(name), case(name, weighted = TRUE), case(name, entry = TRUE),
                         case(name, weighted = TRUE, entry = TRUE)))
}
write_json_file(list(tool = made_with(), cases = cases), "survival/nonparam/testdata/survfit.json")

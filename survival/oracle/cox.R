# Oracle for survival/cox: coxph run to convergence, both tie rules, weights, entry, strata.
source("survival/oracle/common.R")

case <- function(name, ties, weighted = FALSE, entry = FALSE, strata = FALSE) {
  d <- load_set(name)
  data <- data.frame(time = d$time, event = d$event, entry = d$entry, stratum = d$stratum)
  data$X <- d$x
  w <- if (weighted) d$weight else rep(1, nrow(data))
  left <- if (entry) "Surv(entry, time, event)" else "Surv(time, event)"
  right <- if (strata) "X + strata(stratum)" else "X"
  fit <- coxph(as.formula(paste(left, "~", right)), data, weights = w, ties = ties, robust = FALSE, x = TRUE,
               control = coxph.control(eps = 1e-14, iter.max = 100, timefix = FALSE, toler.inf = 1e-14))
  grid <- as.numeric(quantile(d$time, c(0, .05, .25, .5, .75, .95, 1), type = 1))
  rows <- 1:4
  # survfit's own curve of each row: hazard of the fit's tie rule, exp(-H).
  curves <- survfit(fit, newdata = data[rows, ], se.fit = FALSE)
  at <- function(k) {
    one <- curves[k]
    c(1, one$surv)[findInterval(grid, one$time) + 1]
  }
  list(set = name, ties = ties, weighted = weighted, entry = entry, strata = strata,
       coefficients = unname(coef(fit)), se = unname(sqrt(diag(vcov(fit)))), loglik = fit$loglik,
       times = grid, survival = lapply(rows, at))
}

cases <- list()
for (name in names(sets)) for (ties in c("efron", "breslow")) {
  cases <- c(cases, list(
    case(name, ties), case(name, ties, weighted = TRUE), case(name, ties, entry = TRUE),
    case(name, ties, strata = TRUE), case(name, ties, weighted = TRUE, entry = TRUE, strata = TRUE)))
}
write_json_file(list(tool = made_with(), cases = cases), "survival/cox/testdata/coxph.json")

# Oracle for survival/cox: residuals, robust standard errors, tests and cox.zph of coxph
# run to convergence; both tie rules, weights, entry, strata, offset; factors as one term.
source("survival/oracle/common.R")
control <- coxph.control(eps = 1e-14, iter.max = 100, timefix = FALSE, toler.inf = 1e-14, toler.chol = 1e-15)

case <- function(name, ties, weighted = FALSE, entry = FALSE, strata = FALSE, offset = FALSE) {
  d <- load_set(name)
  n <- length(d$time)
  data <- data.frame(time = d$time, event = d$event, entry = d$entry, stratum = d$stratum)
  term <- sub("=.*", "", colnames(d$x))  # the dummies of one factor are one matrix term
  terms <- unique(term)
  for (k in seq_along(terms)) data[[paste0("T", k)]] <- d$x[, term == terms[k], drop = TRUE]
  data$w <- if (weighted) d$weight else rep(1, n)
  data$row <- seq_len(n)
  data$known <- ((5 * data$row) %% 7) / 4 * offset  # a part of the predictor that is given
  data$cluster <- (data$row - 1) %/% 3
  left <- if (entry) "Surv(entry, time, event)" else "Surv(time, event)"
  right <- paste0(c(paste0("T", seq_along(terms)), if (strata) "strata(stratum)", if (offset) "offset(known)"), collapse = " + ")
  formula <- as.formula(paste(left, "~", right))
  # Variables are found in data: weights and cluster are evaluated there.
  fit <- coxph(formula, data, weights = w, ties = ties, robust = FALSE, control = control)
  own <- coxph(formula, data, weights = w, ties = ties, cluster = row, control = control)
  grouped <- coxph(formula, data, weights = w, ties = ties, cluster = cluster, control = control)
  zph <- cox.zph(fit, transform = "km", terms = TRUE, global = TRUE)$table
  rownames(zph) <- c(terms, "GLOBAL")
  rows <- unique(round(seq(1, n, length.out = 12)))
  matrix_of <- function(type) unname(as.matrix(residuals(fit, type = type)))
  scho <- matrix_of("schoenfeld"); scaled <- matrix_of("scaledsch")
  list(set = name, ties = ties, weighted = weighted, entry = entry, strata = strata,
       offset = if (offset) data$known,
       likelihood_ratio = 2 * diff(fit$loglik), wald = unname(fit$wald.test), score = fit$score,
       robust_wald = unname(grouped$wald.test),
       # coxph leaves the offset out of its robust score test
       robust_score = if (!offset) grouped$rscore, coef = unname(coef(fit)),
       robust_se = unname(sqrt(diag(vcov(own)))), grouped_se = unname(sqrt(diag(vcov(grouped)))),
       rows = rows - 1,
       martingale = unname(residuals(fit, type = "martingale"))[rows],
       deviance = unname(residuals(fit, type = "deviance"))[rows],
       score_residuals = matrix_of("score")[rows, , drop = FALSE],
       dfbeta = matrix_of("dfbeta")[rows, , drop = FALSE],
       schoenfeld_square = colSums(scho^2), scaled_square = colSums(scaled^2),
       terms = rownames(zph), chisq = unname(zph[, "chisq"]), df = unname(zph[, "df"]), p = unname(zph[, "p"]))
}

cases <- list()
for (name in names(sets)) for (ties in c("efron", "breslow")) {
  cases <- c(cases, list(
    case(name, ties), case(name, ties, weighted = TRUE), case(name, ties, entry = TRUE),
    case(name, ties, strata = TRUE), case(name, ties, weighted = TRUE, offset = TRUE),
    case(name, ties, weighted = TRUE, entry = TRUE, strata = TRUE)))
}
write_json_file(list(tool = made_with(), cases = cases), "survival/cox/testdata/diagnostics.json")

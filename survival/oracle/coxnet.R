# Oracle for survival/coxnet: glmnet run to convergence at given penalties, with and without
# standardisation, case weights and penalty factors; and the cross-validated deviance from
# the partial likelihoods that coxph computes at glmnet's coefficients.
#
# glmnet's objective is ours with weights rescaled to sum to n, and its ties are Breslow's. It
# puts an event before a censored row of the same time by adding 2e-14 to the latter's time,
# which is lost in times of some hundred: so it gets the ranks of the times, scaled into
# (0, 1], which leave the partial likelihood as it is.
source("survival/oracle/common.R")
suppressPackageStartupMessages(library(glmnet))
glmnet.control(fdev = 0, devmax = 1, epsnr = 1e-14, mxitnr = 1000)

early <- function(time) { u <- sort(unique(time)); match(time, u) / length(u) }

fit_glmnet <- function(d, rows, ratio, lambda, weighted, standardize, factors) {
  w <- if (weighted) d$weight[rows] else rep(1, length(rows))
  args <- list(x = d$x[rows, , drop = FALSE], y = Surv(early(d$time[rows]), d$event[rows]), family = "cox",
               weights = w, alpha = ratio, standardize = standardize, thresh = 1e-14, maxit = 1e7)
  if (!is.null(factors)) args$penalty.factor <- factors
  if (!is.null(lambda)) args$lambda <- lambda
  do.call(glmnet, args)
}

# Log partial likelihood (Breslow) at beta.
loglik <- function(d, rows, beta, weighted) {
  w <- if (weighted) d$weight[rows] else rep(1, length(rows))
  eta <- as.numeric(d$x[rows, , drop = FALSE] %*% beta)
  t <- d$time[rows]; e <- d$event[rows]; r <- w * exp(eta)
  o <- order(t)
  at_risk <- rev(cumsum(rev(r[o])))[match(t, t[o])]   # all rows with time >= t
  sum((w * (eta - log(at_risk)))[e == 1])
}

case <- function(name, ratio, weighted = FALSE, standardize = FALSE, factors = NULL, columns = NULL) {
  d <- load_set(name)
  if (!is.null(columns)) d$x <- d$x[, columns, drop = FALSE]
  rows <- seq_along(d$time)
  free <- fit_glmnet(d, rows, ratio, NULL, weighted, standardize, factors)
  lambda <- free$lambda[1] * exp(seq(log(1), log(0.01), length.out = 12))
  fit <- fit_glmnet(d, rows, ratio, lambda, weighted, standardize, factors)
  stopifnot(length(fit$lambda) == length(lambda))
  list(set = name, ratio = ratio, weighted = weighted, standardize = standardize, factors = factors,
       columns = if (is.null(columns)) NULL else columns - 1,
       largest = free$lambda[1], alphas = lambda,
       coefficients = lapply(seq_along(lambda), function(k) unname(as.numeric(fit$beta[, k]))),
       dev_ratio = fit$dev.ratio, null_deviance = fit$nulldev)
}

# Cross-validated deviance with the folds i mod 5.
validated <- function(name, ratio, weighted) {
  d <- load_set(name)
  n <- length(d$time); fold <- (seq_len(n) - 1) %% 5
  lambda <- case(name, ratio, weighted)$alphas
  w <- if (weighted) d$weight else rep(1, n)
  parts <- sapply(0:4, function(k) {
    train <- which(fold != k)
    beta <- fit_glmnet(d, train, ratio, lambda, weighted, FALSE, NULL)$beta
    sapply(seq_along(lambda), function(a) {
      b <- as.numeric(beta[, a])
      -2 * (loglik(d, seq_len(n), b, weighted) - loglik(d, train, b, weighted))
    })
  })
  events <- sapply(0:4, function(k) sum((w * d$event)[fold == k]))
  per <- sweep(parts, 2, events, "/")
  mean <- rowSums(parts) / sum(events)
  se <- sqrt(as.numeric(((per - mean)^2) %*% events) / sum(events) / 4)
  list(set = name, ratio = ratio, weighted = weighted, alphas = lambda,
       deviance = rowSums(parts), se = se * sum(events))
}

cases <- list()
for (name in names(sets)) cases <- c(cases, list(
  case(name, 1), case(name, 0.5), case(name, 0.1), case(name, 0.5, standardize = TRUE),
  case(name, 0.5, weighted = TRUE), case(name, 0.5, weighted = TRUE, standardize = TRUE),
  case(name, 0.5, factors = rep(c(1, 0.5, 3), length.out = ncol(load_set(name)$x))),
  case(name, 0.5, factors = rep(c(0, 1, 2), length.out = ncol(load_set(name)$x)))))
folds <- list()
for (name in names(sets)) for (weighted in c(FALSE, TRUE)) folds <- c(folds, list(validated(name, 0.5, weighted)))
write_json_file(list(tool = paste0(made_with(), ", glmnet ", packageVersion("glmnet")), cases = cases, folds = folds),
                "survival/coxnet/testdata/glmnet.json")

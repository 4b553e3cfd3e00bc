# Oracle for survival/aft: survreg run to convergence; with entry times, which survreg
# does not take, Newton's method on the log-likelihood written out here.
source("survival/oracle/common.R")

truncated <- function(x, time, event, entry, w) {
  x <- cbind(1, x); p <- ncol(x); scale <- apply(x, 2, function(v) max(abs(v))); x <- sweep(x, 2, scale, "/")
  y <- log(time); a <- log(pmax(entry, 1e-300)); in_late <- entry > 0
  parts <- function(theta) {
    beta <- theta[1:p]; s <- exp(theta[p + 1])
    z <- (y - x %*% beta)[, 1] / s; u <- (a - x %*% beta)[, 1] / s
    ez <- exp(z); eu <- ifelse(in_late, exp(u), 0); u <- ifelse(in_late, u, 0)
    value <- sum(w * (event * (z - theta[p + 1] - y) - ez + eu))
    g1 <- w * (event - ez + eu)                         # d/dz summed over both ends
    grad <- c(-colSums(x * g1) / s, sum(w * (-event * z + z * ez - u * eu - event)))
    bb <- -crossprod(x, x * (w * (ez - eu))) / s^2
    bs <- colSums(x * (w * (event - ez - z * ez + eu + u * eu))) / s
    ss <- sum(w * (event * z - (z + z^2) * ez + (u + u^2) * eu))
    list(value = value, grad = grad, hess = rbind(cbind(bb, bs), c(bs, ss)))
  }
  theta <- c(mean(y), rep(0, p - 1), log(sd(y)))
  for (i in 1:500) {
    now <- parts(theta); step <- tryCatch(solve(-now$hess, now$grad), error = function(e) now$grad)
    if (sum(step * now$grad) <= 0) step <- now$grad / sqrt(sum(now$grad^2))
    while (!is.finite(v <- parts(theta + step)$value) || v < now$value - 1e-11 * abs(now$value)) step <- step / 2
    theta <- theta + step
    if (i > 3 && max(abs(step)) < 1e-13) break
  }
  end <- parts(theta); unit <- c(scale, 1)
  list(theta = theta / unit, se = sqrt(diag(solve(-end$hess))) / unit, loglik = end$value)
}

case <- function(name, weighted = FALSE, entry = FALSE) {
  d <- load_set(name)
  w <- if (weighted) d$weight else rep(1, length(d$time))
  if (entry) {
    full <- truncated(d$x, d$time, d$event, d$entry, w)
    null <- truncated(d$x[, 0], d$time, d$event, d$entry, w)
    theta <- full$theta; se <- full$se; loglik <- c(null$loglik, full$loglik)
  } else {
    X <- d$x
    fit <- survreg(Surv(d$time, d$event) ~ X, weights = w, robust = FALSE,
                   control = survreg.control(rel.tolerance = 1e-14, maxiter = 200))
    null <- survreg(Surv(d$time, d$event) ~ 1, weights = w, robust = FALSE,
                    control = survreg.control(rel.tolerance = 1e-14, maxiter = 200))
    theta <- c(unname(coef(fit)), log(fit$scale)); se <- unname(sqrt(diag(vcov(fit))))
    loglik <- c(null$loglik[2], fit$loglik[2])
  }
  p <- ncol(d$x); s <- exp(theta[p + 2])
  grid <- c(as.numeric(quantile(d$time, c(.05, .25, .5, .75, 1), type = 1)), 2 * max(d$time))
  lp <- theta[1] + d$x[1:4, , drop = FALSE] %*% theta[1 + seq_len(p)]
  list(set = name, weighted = weighted, entry = entry, intercept = theta[1],
       coefficients = theta[1 + seq_len(p)], scale = s, se = se[1 + seq_len(p)],
       se_intercept = se[1], se_log_scale = se[p + 2], loglik = loglik, times = grid,
       survival = lapply(1:4, function(k) exp(-exp((log(grid) - lp[k]) / s))))
}

cases <- list()
for (name in names(sets)) {
  cases <- c(cases, list(case(name), case(name, weighted = TRUE), case(name, entry = TRUE),
                         case(name, weighted = TRUE, entry = TRUE)))
}
write_json_file(list(tool = made_with(), cases = cases), "survival/aft/testdata/survreg.json")

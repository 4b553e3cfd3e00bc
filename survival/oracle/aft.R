# Oracle for survival/aft: survreg run to convergence; with entry times, which survreg
# does not take, Newton's method on the log-likelihood written out here.
source("survival/oracle/common.R")

# log f(z), log S(z) and their first two derivatives.
mills <- function(z) exp(dnorm(z, log = TRUE) - pnorm(z, lower.tail = FALSE, log.p = TRUE))
extreme <- list(
  f = function(z) cbind(z - exp(z), 1 - exp(z), -exp(z)), s = function(z) cbind(-exp(z), -exp(z), -exp(z)),
  curve = function(z) exp(-exp(z)))
laws <- list(
  weibull = extreme, exponential = extreme,
  "log-normal" = list(
    f = function(z) cbind(dnorm(z, log = TRUE), -z, -1),
    s = function(z) cbind(pnorm(z, lower.tail = FALSE, log.p = TRUE), -mills(z), -mills(z) * (mills(z) - z)),
    curve = function(z) pnorm(z, lower.tail = FALSE)),
  "log-logistic" = list(
    f = function(z) cbind(dlogis(z, log = TRUE), 1 - 2 * plogis(z), -2 * dlogis(z)),
    s = function(z) cbind(plogis(z, lower.tail = FALSE, log.p = TRUE), -plogis(z), -dlogis(z)),
    curve = function(z) plogis(z, lower.tail = FALSE)))

truncated <- function(x, time, event, entry, w, law, fixed) {
  x <- cbind(1, x); p <- ncol(x); scale <- apply(x, 2, function(v) max(abs(v))); x <- sweep(x, 2, scale, "/")
  y <- log(time); a <- log(pmax(entry, 1e-300)); in_late <- entry > 0
  parts <- function(theta) {
    eta <- (x %*% theta[1:p])[, 1]; s <- exp(theta[p + 1])
    z <- (y - eta) / s; u <- (a - eta) / s
    own <- event * law$f(z) + (1 - event) * law$s(z)
    left <- matrix(0, length(u), 3); left[in_late, ] <- law$s(u[in_late]); u <- ifelse(in_late, u, 0)
    value <- sum(w * (own[, 1] - event * (theta[p + 1] + y) - left[, 1]))
    g1 <- own[, 2] - left[, 2]; g2 <- own[, 3] - left[, 3]                    # sums of d/dz
    h1 <- z * own[, 2] - u * left[, 2]; h2 <- z^2 * own[, 3] - u^2 * left[, 3]; k2 <- z * own[, 3] - u * left[, 3]
    grad <- c(-colSums(x * (w * g1)) / s, -sum(w * (h1 + event)))
    bb <- crossprod(x, x * (w * g2)) / s^2
    bs <- colSums(x * (w * (g1 + k2))) / s
    hess <- rbind(cbind(bb, bs), c(bs, sum(w * (h2 + h1))))
    free <- seq_len(if (fixed) p else p + 1)
    list(value = value, grad = grad[free], hess = hess[free, free, drop = FALSE])
  }
  free <- seq_len(if (fixed) p else p + 1)
  theta <- c(mean(y), rep(0, p - 1), if (fixed) 0 else log(sd(y)))
  move <- function(step) replace(theta, free, theta[free] + step)
  for (i in 1:500) {
    now <- parts(theta); step <- tryCatch(solve(-now$hess, now$grad), error = function(e) now$grad)
    if (sum(step * now$grad) <= 0) step <- now$grad / sqrt(sum(now$grad^2))
    while (!is.finite(v <- parts(move(step))$value) || v < now$value - 1e-11 * abs(now$value)) step <- step / 2
    theta <- move(step)
    if (i > 3 && max(abs(step)) < 1e-13) break
  }
  end <- parts(theta); unit <- c(scale, 1)
  list(theta = theta / unit, se = (c(sqrt(diag(solve(-end$hess))), 0)[seq_len(p + 1)]) / unit, loglik = end$value)
}

case <- function(distribution, name, weighted = FALSE, entry = FALSE) {
  d <- load_set(name)
  w <- if (weighted) d$weight else rep(1, length(d$time))
  law <- laws[[distribution]]; fixed <- distribution == "exponential"
  if (entry) {
    full <- truncated(d$x, d$time, d$event, d$entry, w, law, fixed)
    null <- truncated(d$x[, 0], d$time, d$event, d$entry, w, law, fixed)
    theta <- full$theta; se <- full$se; loglik <- c(null$loglik, full$loglik)
  } else {
    X <- d$x
    dist <- sub("-", "", distribution)
    control <- survreg.control(rel.tolerance = 1e-14, maxiter = 200)
    fit <- survreg(Surv(d$time, d$event) ~ X, weights = w, robust = FALSE, dist = dist, control = control)
    null <- survreg(Surv(d$time, d$event) ~ 1, weights = w, robust = FALSE, dist = dist, control = control)
    theta <- c(unname(coef(fit)), log(fit$scale)); se <- unname(sqrt(diag(vcov(fit))))
    if (fixed) se <- c(se, 0)
    loglik <- c(null$loglik[2], fit$loglik[2])
  }
  p <- ncol(d$x); s <- exp(theta[p + 2])
  grid <- c(as.numeric(quantile(d$time, c(.05, .25, .5, .75, 1), type = 1)), 2 * max(d$time))
  lp <- theta[1] + d$x[1:4, , drop = FALSE] %*% theta[1 + seq_len(p)]
  list(distribution = distribution, set = name, weighted = weighted, entry = entry, intercept = theta[1],
       coefficients = theta[1 + seq_len(p)], scale = s, se = se[1 + seq_len(p)],
       se_intercept = se[1], se_log_scale = se[p + 2], loglik = loglik, times = grid,
       survival = lapply(1:4, function(k) law$curve((log(grid) - lp[k]) / s)))
}

cases <- list()
for (distribution in names(laws)) for (name in names(sets)) {
  cases <- c(cases, list(case(distribution, name), case(distribution, name, weighted = TRUE),
                         case(distribution, name, entry = TRUE), case(distribution, name, weighted = TRUE, entry = TRUE)))
}
write_json_file(list(tool = made_with(), cases = cases), "survival/aft/testdata/survreg.json")

# Oracle for the corrected test between two models and for the optimism of the best of M.
#
# Test: the formula of Nadeau and Bengio (2003), pt() and qt(); with rho = 0 it is
# t.test(paired = TRUE), which is checked here.
# Best of M: the loop of Tsamardinos et al. (2018) on the fold of metric_fold.R with the C of
# survival's concordance(). The models' risks are the fold's risk r, -s, floor(r) and r + 3s, s
# the 6th column of the predictions; draw k of replicate b, both from 0, is row
# (7k² + k(13b + 5) + 3b²) mod n.
source("survival/oracle/common.R")
source("survival/oracle/metric_fold.R")

corrected <- function(a, b, train, test, rho = sum(test) / sum(train)) {
  d <- a - b
  j <- length(d)
  se <- sqrt((1 / j + rho) * var(d))
  t <- mean(d) / se
  half <- qt(0.975, j - 1) * se
  list(difference = mean(d), se = se, t = t, df = j - 1, p = 2 * pt(-abs(t), j - 1),
       low = mean(d) - half, high = mean(d) + half)
}

comparison <- function(folds, repeats) {
  k <- seq_len(folds * repeats)
  a <- 0.7 + ((37 * k) %% 101) / 2000
  b <- 0.68 + ((53 * k) %% 89) / 1500
  test <- 40 + k %% 3
  train <- 200 - test
  naive <- t.test(a, b, paired = TRUE)
  stopifnot(all.equal(unname(naive$p.value), corrected(a, b, train, test, 0)$p))
  list(a = a, b = b, train = train, test = test, result = corrected(a, b, train, test))
}

best_of <- function(name, replicates = 40) {
  f <- metric_fold(name)
  k <- f$test
  n <- length(k)
  s <- f$survival[k, 6]; r <- f$risk[k]
  risks <- list(r, -s, floor(r), r + 3 * s)
  y <- Surv(f$time[k], f$event[k])
  score <- function(m, rows) {
    concordance(y[rows] ~ risks[[m]][rows], reverse = TRUE, timefix = FALSE)$concordance[[1]]
  }
  all <- sapply(seq_along(risks), score, rows = seq_len(n))
  chosen <- rep(0, length(risks)); scores <- numeric(0)
  for (b in seq_len(replicates) - 1) {
    i <- seq_len(n) - 1
    rows <- (7 * i^2 + i * (13 * b + 5) + 3 * b^2) %% n + 1
    best <- which.max(sapply(seq_along(risks), score, rows = rows))
    chosen[best] <- chosen[best] + 1
    scores <- c(scores, score(best, setdiff(seq_len(n), rows)))
  }
  list(set = name, replicates = replicates, best = which.max(all) - 1, apparent = max(all),
       corrected = mean(scores), low = unname(quantile(scores, 0.025, type = 2)),
       high = unname(quantile(scores, 0.975, type = 2)), chosen = chosen)
}

write_json_file(list(tool = made_with(), comparisons = list(comparison(5, 1), comparison(3, 10)),
                     selections = lapply(names(sets), best_of)), "survival/metric/testdata/comparison.json")

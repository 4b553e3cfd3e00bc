# The fold and the predictions that every metric oracle scores; metric_sksurv.py and
# fold_test.go of survival/metric make the same ones.
#
# Row i = 0, 1, … of a set is a test row where i mod 3 = 1 and its time is not the largest.
# With u = (37i mod 101)/101 and M the largest time of the set:
#   risk  = floor(10·(2u − T/M))/10, plus 0.6e-8·(i mod 5) where near ties are wanted
#   S(t)  = floor(4096·exp(−(t/M)·exp(u)))/4096, which float32 holds exactly
# The grid is 12 distinct test times from the 5 % to the 85 % quantile of their ranks; tau
# is the last of them.
metric_fold <- function(name) {
  d <- load_set(name)
  i <- seq_along(d$time) - 1
  u <- ((37 * i) %% 101) / 101
  largest <- max(d$time)
  test <- which(i %% 3 == 1 & d$time < largest)
  distinct <- sort(unique(d$time[test]))
  times <- distinct[unique(floor(seq(0.05, 0.85, length.out = 12) * length(distinct)) + 1)]
  list(time = d$time, event = d$event, weight = d$weight, entry = d$entry,
       test = test, train = setdiff(seq_along(i), test), times = times, tau = max(times),
       risk = floor(10 * (2 * u - d$time / largest)) / 10,
       survival = outer(u, times, function(u, t) floor(4096 * exp(-(t / largest) * exp(u))) / 4096))
}

# What the R peers share: a fold's files, the clock, and the one line of JSON.
suppressPackageStartupMessages({library(survival); library(jsonlite)})
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]; out <- arguments[2]; settings <- fromJSON(arguments[3])
shape <- fromJSON(file.path(folder, "shape.json"))

part <- function(name, rows) {
  values <- readBin(file.path(folder, paste0(name, ".f64")), "double", rows * (shape$columns + 2))
  m <- matrix(values, rows)
  list(x = m[, seq_len(shape$columns), drop = FALSE], time = m[, shape$columns + 1], event = m[, shape$columns + 2])
}

# baseline is the matrix of curves exp(-H0(t) exp(eta)) on the grid, a row a test row.
curves <- function(times, hazard, eta) {
  h <- c(0, hazard)[findInterval(shape$grid, times) + 1]
  exp(-outer(exp(eta), h))
}

finish <- function(seconds, version, risk = NULL, surv = NULL, value = NULL) {
  if (!is.null(risk)) writeBin(as.double(risk), file.path(out, "risk.f64"))
  if (!is.null(surv)) writeBin(as.double(t(surv)), file.path(out, "surv.f32"), size = 4)
  cat(toJSON(list(seconds = seconds, version = version, value = value), auto_unbox = TRUE, digits = NA, null = "null"), "\n")
}

timed <- function(action) system.time(action(), gcFirst = TRUE)[["elapsed"]]

# Shared by the oracle scripts: data, encoding and output.
# Run from the repository root: Rscript survival/oracle/cox.R
suppressPackageStartupMessages({library(survival); library(jsonlite)})
invisible(Sys.setlocale("LC_COLLATE", "C"))  # factor levels in byte order

sets <- list(
  lung    = list(file = "lung.csv", columns = c("age", "sex", "ph.ecog")),
  gbsg2   = list(file = "gbsg2.csv"),
  rossi   = list(file = "rossi.csv"),
  veteran = list(file = "veteran_lung.csv"),
  whas500 = list(file = "whas500.csv"))

# Treatment coding, reference = first level in byte order, columns in file order.
load_set <- function(name) {
  s <- sets[[name]]
  d <- read.csv(file.path("testdata/public", s$file), check.names = FALSE, stringsAsFactors = TRUE)
  columns <- if (is.null(s$columns)) setdiff(names(d), c("time", "event")) else s$columns
  d <- d[complete.cases(d[c("time", "event", columns)]), ]
  blocks <- lapply(columns, function(v) {
    if (!is.factor(d[[v]])) return(setNames(data.frame(d[[v]]), v))
    levels <- sort(levels(d[[v]]), method = "radix")[-1]
    setNames(data.frame(lapply(levels, function(l) as.numeric(d[[v]] == l))), paste0(v, "=", levels))
  })
  i <- seq_len(nrow(d)) - 1
  list(x = as.matrix(do.call(cbind, blocks)), time = as.numeric(d$time), event = d$event,
       weight = 0.5 + (i %% 4) / 2,              # 0.5, 1, 1.5, 2, 0.5, …
       entry = d$time * ((7 * i) %% 10) / 20,    # 0 … 0.45 of the time
       stratum = i %% 3)
}

write_json_file <- function(object, path) {
  write(toJSON(object, digits = NA, auto_unbox = TRUE, null = "null", na = "null", pretty = FALSE), path)
}
made_with <- function() paste0("R ", getRversion(), ", survival ", packageVersion("survival"))

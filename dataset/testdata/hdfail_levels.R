d <- read.csv("../testdata/burk/hdfail.csv", stringsAsFactors = FALSE)
f <- read.csv("../testdata/burk/hdfail.folds.csv")
for (k in sort(unique(f$fold))) {
  test <- f$row[f$fold == k] + 1
  tr <- d$model[-test]
  tab <- table(tr)
  # order: frequency descending, then byte order
  o <- order(-as.integer(tab), names(tab), method = "radix")
  tab <- tab[o]
  share <- as.integer(tab) / length(tr)
  keep <- union(names(tab)[1:5], names(tab)[share >= 0.05])
  cnt <- as.integer(tab); names(cnt) <- names(tab)
  last <- keep[length(keep)]
  merged <- sum(cnt[!(names(cnt) %in% keep)])
  unseen <- sum(!(d$model[test] %in% names(tab)))
  cat(k, length(tr), length(tab), unseen, paste(sprintf("%s=%d", keep, cnt[keep] + ifelse(keep == last, merged, 0)), collapse = ";"), "\n")
}

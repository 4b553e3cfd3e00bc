# R's concordance, with its standard error, of given predictions.
source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))), "fold.R"))
test <- part("test", shape$test)
risk <- readBin(file.path(folder, "risk.f64"), "double", shape$test)
seconds <- timed(function() result <<- concordance(Surv(test$time, test$event) ~ risk, reverse = TRUE))
finish(seconds, paste("survival", packageVersion("survival")), value = result$concordance)

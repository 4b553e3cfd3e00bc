# R's survreg, Weibull.
source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))), "fold.R"))
train <- part("train", shape$train); test <- part("test", shape$test)
seconds <- timed(function() fit <<- survreg(Surv(train$time, train$event) ~ train$x, dist = "weibull"))
eta <- coef(fit)[1] + drop(test$x %*% coef(fit)[-1])
surv <- exp(-exp(outer(-eta, log(shape$grid), "+") / fit$scale))
finish(seconds, paste("survival", packageVersion("survival")), -eta, surv)

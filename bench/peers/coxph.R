# R's coxph with Efron's ties; curves by its own baseline.
source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))), "fold.R"))
train <- part("train", shape$train); test <- part("test", shape$test)
seconds <- timed(function() fit <<- coxph(Surv(train$time, train$event) ~ train$x, ties = "efron"))
eta <- drop(test$x %*% coef(fit))
base <- survfit(fit, se.fit = FALSE)  # at the mean of the covariates; a newdata, even NULL, would be all rows
center <- sum(coef(fit) * fit$means)
finish(seconds, paste("survival", packageVersion("survival")), eta, curves(base$time, base$cumhaz, eta - center))

# R's glmnet: the elastic-net path; predictions at its last penalty, curves by Breslow's baseline.
source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))), "fold.R"))
suppressPackageStartupMessages(library(glmnet))
train <- part("train", shape$train); test <- part("test", shape$test)
y <- Surv(train$time, train$event)
seconds <- timed(function() {
  fit <<- glmnet(train$x, y, family = "cox", alpha = 0.5, nlambda = 100, lambda.min.ratio = 0.01, standardize = FALSE)
})
beta <- as.matrix(coef(fit))[, length(fit$lambda)]
eta <- drop(train$x %*% beta)
base <- survfit(coxph(y ~ offset(eta), ties = "breslow"), se.fit = FALSE)
eta_test <- drop(test$x %*% beta)
finish(seconds, paste("glmnet", packageVersion("glmnet")), eta_test, curves(base$time, base$cumhaz, eta_test - mean(eta)))

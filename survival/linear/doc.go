// Package linear holds what every model with a linear predictor η = xβ shares: the
// standardised matrix, the weighted rank-n update of the information matrix, Newton's
// method with step halving, the report of its outcome, and the predictor.
//
// The rows of a [Matrix] are centred and scaled, z_ij = (x_ij − m_j)/s_j with the mean and
// population standard deviation of the fitted rows, so that no unit of measurement can
// spoil the conditioning; coefficients are reported on the scale of the columns,
// β_j = γ_j/s_j. Likelihoods are invariant to this but for rounding; a ridge penalty is
// converted by its caller.
//
// Preconditions: covariates are finite; [NewMatrix] reports the first that is not.
// Sums run in a fixed order, so equal input gives equal bytes.
//
// References: Nocedal and Wright, Numerical Optimization (2006), ch. 3.
//
// Not here: any likelihood; lasso penalties (package coxnet).
package linear

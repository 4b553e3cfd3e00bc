// Package forecast reads off a fitted model what people ask of it: survival at horizons h
// and the restricted mean survival time
//
//	RMST(τ|x) = ∫₀^τ S(t|x) dt,
//
// the expected time within the first τ (Royston and Parmar 2013, BMC Med Res Methodol 13:152).
// The integral is that of the model's own curve, by the midpoint rule over cells that end
// where the curve may step: exact for step curves whose steps are known, of second order in
// the width of a cell for smooth ones. No cell is wider than τ/Cells, which keeps the error of
// a smooth curve below 10⁻⁵·τ.
//
// Beyond the last observed time of the training rows nothing is known but what a parametric
// law says: those values are NaN unless Options.Extrapolate.
//
// Of somebody still active at a time c, Given reads off S(c+h|x)/S(c|x) and the mean of the time
// left, ∫₀^τ S(c+u|x)/S(c|x) du.
//
// Not here: confidence limits.
package forecast

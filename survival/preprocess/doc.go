// Package preprocess turns typed columns into a numeric design matrix. Everything it
// learns comes from the training rows alone, so a test row can never act on a fit.
//
// The steps, in this order:
//
//  1. Impute. A numeric gap becomes the median (of an even count: the mean of the middle
//     two) or the mean of the training rows' observed values; where the training rows of
//     a column have gaps, an indicator column "<column>_missing" is added, and indicators
//     that are equal on the training rows are merged into the first. A missing category
//     is a level of its own, "(missing)". Under "native" numeric gaps stay NaN and there
//     is no indicator, for models that split on gaps themselves.
//  2. Rare levels, of which a share of the training rows below RareLevel has the level,
//     become "(other)"; see Options.RareKeep for the second rule.
//  3. Encode. Treatment: a 0/1 column a level but the first in byte order, the reference.
//     One-hot: a 0/1 column a level. "(missing)" and "(other)" are levels like others.
//  4. DropConstant removes columns with one value on the training rows.
//  5. Scale: z = (x − mean)/sd with the population standard deviation (divisor n) of the
//     imputed training values; numeric columns only, never dummies or indicators.
//
// A level not seen in training goes to "(other)" if that exists, else to the reference
// (one-hot: to the first level), and is counted in a warning. Case weights do not enter
// preprocessing: a row counts once. Stratum columns are never covariates.
//
// Sums run over rows in ascending order, so the order of the given row numbers does not
// matter. Non-goals: selection of columns, interactions, splines, outlier treatment.
package preprocess

// Package report makes the report of a run: one self-contained HTML page, and every picture in
// it as an SVG and a PNG file beside it.
//
// A report is a projection of the run's artifacts: it computes no score that is stored, and
// equal artifacts give equal bytes, whenever and wherever it is made. It holds nothing that a
// browser would have to fetch, follows the reader's preference of light or dark, and is
// readable on paper and without seeing the pictures. What is missing or damaged is named in it.
//
// Texts come from specs, column names, levels and logs; html/template and the SVG writer
// escape them.
//
// Preconditions: the outcome is that of the run's prepared table. Memory is bounded by the rows
// of one model's out-of-fold predictions.
//
// Non-goals: reading stores (artifact.ReadContents does), writing them (artifact.WriteReport).
package report

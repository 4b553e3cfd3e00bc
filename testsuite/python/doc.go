// Package python holds predict.py against the Go program: every type of model, on data with
// gaps, levels and strata, must predict alike to 1e-12, and what is wrong must be refused alike.
package python

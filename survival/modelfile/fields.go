package modelfile

import "everfold/survival"

// Report appends a fit's report.
func (w *Writer) Report(rep survival.Report) {
	w.Bool(rep.Converged)
	w.Int(rep.Iterations)
	w.Floats(rep.LogLik)
	w.count(len(rep.Coefficients))
	for _, c := range rep.Coefficients {
		w.String(c.Column)
		w.Float(c.Value)
		w.Float(c.SE)
	}
	w.count(len(rep.Warnings))
	for _, v := range rep.Warnings {
		w.String(v.Category)
		w.String(v.Message)
	}
}

// Report reads a fit's report.
func (r *Reader) Report() survival.Report {
	rep := survival.Report{Converged: r.Bool(), Iterations: r.Int(), LogLik: r.Floats()}
	for range r.count(20) {
		rep.Coefficients = append(rep.Coefficients,
			survival.Coefficient{Column: r.String(), Value: r.Float(), SE: r.Float()})
	}
	for range r.count(8) {
		rep.Warnings = append(rep.Warnings, survival.Warning{Category: r.String(), Message: r.String()})
	}
	return rep
}

// Step appends a step function.
func (w *Writer) Step(f survival.StepFunction) {
	w.Float(f.Before)
	w.Floats(f.Times)
	w.Floats(f.Values)
}

// Step reads a step function. Unsorted times, or a number of values other than that of
// times, are failures.
func (r *Reader) Step() survival.StepFunction {
	f := survival.StepFunction{Before: r.Float(), Times: r.Floats(), Values: r.Floats()}
	ok := len(f.Times) == len(f.Values)
	for k := 1; ok && k < len(f.Times); k++ {
		ok = f.Times[k-1] < f.Times[k]
	}
	if !ok {
		r.Fail("a step function is not one")
		return survival.StepFunction{}
	}
	return f
}

// File appends the file of another model.
func (w *Writer) File(data []byte) {
	w.count(len(data))
	w.buf = append(w.buf, data...)
}

// File reads the file of another model; it shares memory with the bytes that are read.
func (r *Reader) File() []byte { return r.take(r.count(1)) }

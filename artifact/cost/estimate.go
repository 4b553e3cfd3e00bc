package cost

import "everfold/artifact"

// Estimate is what a plan will cost, in seconds of one core.
type Estimate struct {
	Models map[string]float64 // one fold of each model, by name
	Folds  float64            // every fold to train or to rescore
	Finals float64            // the final fits and their predictions
	Basis  Basis              // the weakest of those of the models to be trained
}

// Total is the work of the whole run.
func (e *Estimate) Total() float64 { return e.Folds + e.Finals }

// Observe takes the complete folds of a plan for evidence of this run. Folds with other
// inputs count as those of another run.
func (e *Evidence) Observe(run *artifact.Run, plan *artifact.Plan) {
	for _, f := range plan.Folds {
		if f.Manifest == nil {
			continue
		}
		if f.Changed { // by other settings or an earlier version
			e.ObserveOther(run, f.Manifest)
			continue
		}
		if m, err := run.Spec.Model(f.Model); err == nil {
			e.AddOwn(run.Spec, m, rowsOf(f.Manifest), secondsOf(f.Manifest))
		}
	}
}

// Complete says whether every model to be trained was measured in this run.
func (e *Evidence) Complete(plan *artifact.Plan) bool {
	for _, f := range plan.Folds {
		if f.Action == artifact.Train && e.own[f.Model].work == 0 {
			return false
		}
	}
	return true
}

// ObserveOther takes a manifest of another run for evidence of the model's type.
func (e *Evidence) ObserveOther(run *artifact.Run, manifest *artifact.Manifest) {
	if m, err := run.Spec.Model(manifest.Model); err == nil {
		e.AddOther(run.Spec, m, rowsOf(manifest), secondsOf(manifest))
	}
}

func rowsOf(m *artifact.Manifest) Rows { return Rows{Train: m.TrainRows, Test: m.TestRows} }

func secondsOf(m *artifact.Manifest) float64 { return m.FitSeconds + m.PredictSeconds }

// Estimate says what a plan of a run will cost. The best model is not known beforehand: its
// final fit counts as that of the costliest.
func (e *Evidence) Estimate(run *artifact.Run, plan *artifact.Plan) *Estimate {
	out := &Estimate{Models: map[string]float64{}}
	for _, f := range plan.Folds {
		info, err := run.Fold(f.Fold)
		m, modelErr := run.Spec.Model(f.Model)
		if err != nil || modelErr != nil {
			continue
		}
		r := Rows{Train: info.TrainRows, Test: info.TestRows}
		seconds, basis := e.Seconds(run.Spec, m, r)
		out.Models[f.Model] = max(out.Models[f.Model], seconds)
		switch f.Action {
		case artifact.Train:
			out.Folds += seconds
			out.Basis = max(out.Basis, basis)
		case artifact.Rescore:
			out.Folds += overhead(r)
		}
	}
	out.Finals = e.finals(run, plan)
	return out
}

// finals is the work of the final fits, and of the predictions of one of them: that of the
// costliest, as which one has the best scores is not known.
func (e *Evidence) finals(run *artifact.Run, plan *artifact.Plan) float64 {
	var most, predictions, total float64
	rows := run.Data.Rows
	if run.Data.Final != nil {
		rows = run.Data.Final.Rows
	}
	consider := func(name string) {
		m, err := run.Spec.Model(name)
		if err != nil {
			return
		}
		fit, _ := e.Seconds(run.Spec, m, Rows{Train: run.Data.Rows})
		both, _ := e.Seconds(run.Spec, m, Rows{Train: run.Data.Rows, Test: rows})
		total += fit
		if fit > most {
			most, predictions = fit, both-fit
		}
	}
	if plan.Finals == nil {
		for _, m := range run.Spec.Models {
			consider(m.Name)
		}
		return most + predictions
	}
	for _, f := range plan.Finals {
		if f.Action == artifact.Train {
			consider(f.Model)
		}
	}
	return total + predictions
}

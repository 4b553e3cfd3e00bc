package cost

import (
	"fmt"
	"slices"

	"everfold/config"
)

// Basis is what an estimate rests on, the best first.
type Basis int

// The bases. The zero value is that of nothing to estimate.
const (
	ThisRun   Basis = iota // fits of the same model of this run
	OtherRuns              // fits of its type in other runs of the store
	BuiltIn                // no fit: figures of this package
)

// String completes "About 3m, …".
func (b Basis) String() string {
	return [...]string{"by fits of this run", "by fits of other runs", "by built-in figures"}[b]
}

var words = [...]string{"run", "store", "builtin"}

// MarshalText gives the basis in one word.
func (b Basis) MarshalText() ([]byte, error) { return []byte(words[b]), nil }

// UnmarshalText reads what MarshalText gives.
func (b *Basis) UnmarshalText(text []byte) error {
	at := slices.Index(words[:], string(text))
	if at < 0 {
		return fmt.Errorf("unknown basis of an estimate: want one of %v", words)
	}
	*b = Basis(at)
	return nil
}

// Evidence is what measured fits say of speeds. The zero value has none.
type Evidence struct {
	own    map[string]speed // by model name
	others map[string]speed // by model type
}

// speed is measured seconds and the work that took them.
type speed struct{ seconds, work float64 }

func (s speed) plus(seconds, work float64) speed { return speed{s.seconds + seconds, s.work + work} }

// AddOwn notes a fit of a model of this run: seconds of its fit and predictions.
func (e *Evidence) AddOwn(spec *config.Spec, m config.Model, r Rows, seconds float64) {
	if e.own == nil {
		e.own = map[string]speed{}
	}
	e.own[m.Name] = e.own[m.Name].plus(seconds, Work(spec, m, r))
}

// AddOther notes a fit of another run, whose spec is given.
func (e *Evidence) AddOther(spec *config.Spec, m config.Model, r Rows, seconds float64) {
	if e.others == nil {
		e.others = map[string]speed{}
	}
	e.others[m.Type] = e.others[m.Type].plus(seconds, Work(spec, m, r))
}

// Seconds estimates one fit of a model with its predictions and scores, on one core.
func (e *Evidence) Seconds(spec *config.Spec, m config.Model, r Rows) (float64, Basis) {
	s, basis := speed{1, 1}, BuiltIn
	if own := e.own[m.Name]; own.work > 0 {
		s, basis = own, ThisRun
	} else if other := e.others[m.Type]; other.work > 0 {
		s, basis = other, OtherRuns
	}
	return Work(spec, m, r)*s.seconds/s.work + overhead(r), basis
}

package nonparam

import (
	"fmt"
	"path/filepath"
	"testing"

	"everfold/survival"
	"everfold/survival/oracle"
)

// R's survfit has the same Kaplan–Meier, Nelson–Aalen and censoring curves to 1e-12,
// with weights and left truncation; the reverse Kaplan–Meier equals survfit on event
// times moved a hair to the left, so that events leave before the censored.
func TestEqualsSurvfit(t *testing.T) {
	var file struct {
		Cases []struct {
			Set                                         string
			Weighted, Entry                             bool
			Times, Survival, Hazard, Censoring, Reverse []float64
		}
	}
	if err := oracle.ReadJSON(filepath.Join("testdata", "survfit.json"), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 20 {
		t.Fatalf("%d oracle cases, want 20", len(file.Cases))
	}
	a := oracle.Agree(t, oracle.Line{Subject: "Kaplan–Meier, Nelson–Aalen, censoring curves", Reference: "R `survfit`", Quantity: "S, H, Ĝ", Tolerance: 1e-12})
	for _, c := range file.Cases {
		t.Run(fmt.Sprintf("%s/weighted=%v/entry=%v", c.Set, c.Weighted, c.Entry), func(t *testing.T) {
			_, y, err := oracle.Load(filepath.Join("..", ".."), c.Set)
			if err != nil {
				t.Fatal(err)
			}
			if !c.Weighted {
				y.Weight = nil
			}
			if !c.Entry {
				y.Entry = nil
			}
			plain, reverse := mustCensor(t, y, Mlr3proba), mustCensor(t, y, RiskRegression)
			for _, curve := range []struct {
				name string
				f    survival.StepFunction
				want []float64
			}{
				{"S", KaplanMeier(y), c.Survival}, {"H", NelsonAalen(y), c.Hazard},
				{"plain G", plain.G, c.Censoring}, {"reverse G", reverse.G, c.Reverse},
			} {
				for j, at := range c.Times {
					a.Near(fmt.Sprintf("%s %s(%g)", t.Name(), curve.name, at), curve.f.At(at), curve.want[j], 1)
				}
			}
		})
	}
}

func mustCensor(t *testing.T, y survival.Outcome, c Convention) Censoring {
	t.Helper()
	g, err := CensoringDistribution(y, c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

package nonparam

import (
	"fmt"
	"math"
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
					if got := curve.f.At(at); math.Abs(got-curve.want[j]) > 1e-12 {
						t.Errorf("%s(%g) is %.15g, want %.15g", curve.name, at, got, curve.want[j])
					}
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

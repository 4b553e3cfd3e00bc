package metric

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
	"everfold/survival/oracle"
)

type dCalibrationOracle struct {
	Counts       []float64
	Statistic, P float64
}

type horizonOracle struct {
	Horizon             float64
	Observed            []float64
	ICI, E50, E90, EMax float64
}

// The buckets written out in R give the same D-calibration; R's coxph on Hmisc's restricted
// cubic spline the same calibration curve, ICI, E50 and E90, with and without case weights.
func TestEqualsCalibrationInR(t *testing.T) {
	var file struct {
		Cases []struct {
			Set             string
			D               dCalibrationOracle
			DWeighted       dCalibrationOracle `json:"d_weighted"`
			Horizon         horizonOracle
			HorizonWeighted horizonOracle `json:"horizon_weighted"`
		}
	}
	readOracle(t, "calibration.json", &file)
	require.Len(t, file.Cases, 5)
	d := agree(t, "D-calibration", "formula in R", "buckets, statistic, p")
	curve := agree(t, "calibration curve, ICI, E50, E90", "R `coxph` on `Hmisc::rcspline.eval`", "at a horizon")
	for _, c := range file.Cases {
		f := loadFold(t, c.Set, false)
		f.test.Entry = nil
		m := len(f.times)
		s, predicted := make([]float64, f.test.Len()), make([]float64, f.test.Len())
		for i := range s {
			s[i] = float64(f.surv[i*m+5])
			predicted[i] = 1 - s[i]
		}
		requireDCalibration(t, d, c.DWeighted, f.test, s)
		requireHorizon(t, curve, c.HorizonWeighted, f.test, predicted)
		f.test.Weight = nil
		requireDCalibration(t, d, c.D, f.test, s)
		requireHorizon(t, curve, c.Horizon, f.test, predicted)
	}
}

func requireDCalibration(t *testing.T, a *oracle.Agreement, want dCalibrationOracle, y survival.Outcome, s []float64) {
	t.Helper()
	got, err := DCalibrate(y, s, 10)
	require.NoError(t, err)
	a.NearAll("buckets", got.Counts, want.Counts)
	a.Near("statistic", got.Statistic, want.Statistic, 1)
	a.Near("p", got.P, want.P, want.P)
}

func requireHorizon(t *testing.T, a *oracle.Agreement, want horizonOracle, y survival.Outcome, predicted []float64) {
	t.Helper()
	got, err := Calibrate(context.Background(), y, predicted, want.Horizon, fitCox)
	require.NoError(t, err)
	a.NearAll("curve", got.Observed, want.Observed)
	a.NearAll("errors", []float64{got.ICI, got.E50, got.E90, got.EMax}, []float64{want.ICI, want.E50, want.E90, want.EMax})
}

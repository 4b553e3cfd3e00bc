package artifact

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Rows have the bytes of encoding/csv, whatever the texts and numbers are.
func TestRowsEqualLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var got, want bytes.Buffer
		w := csv.NewWriter(&want)
		header := []string{"id", "survival_0.5", "a,b"}
		require.NoError(t, w.Write(header))
		r := newRows(&got, header)
		for range rapid.IntRange(0, 5).Draw(t, "rows") {
			id := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", " x", `\.`, "a\"b", "a\nb", "12_a-Z", "a[b", "`"})).Draw(t, "id")
			n, v := rapid.Int().Draw(t, "int"), rapid.Float64().Draw(t, "float")
			require.NoError(t, w.Write([]string{id, strconv.Itoa(n), number(v), "", "true", id}))
			r.string(id)
			r.int(n)
			r.float(v)
			r.float(math.NaN())
			r.bool(true)
			r.string(id)
			require.NoError(t, r.end())
		}
		w.Flush()
		require.NoError(t, r.flush())
		require.Equal(t, want.String(), got.String())
	})
}

// failing fails from the second write on.
type failing struct{ writes int }

var errFull = errors.New("full")

func (f *failing) Write(b []byte) (int, error) {
	if f.writes++; f.writes > 1 {
		return 0, errFull
	}
	return len(b), nil
}

// A writer that fails is asked no more, and its error is that of every later row.
func TestRowsKeepTheFirstError(t *testing.T) {
	out := &failing{}
	r := newRows(out, nil)
	id := string(bytes.Repeat([]byte("x"), rowBuffer))
	r.string(id)
	require.NoError(t, r.end())
	r.string(id)
	require.ErrorIs(t, r.end(), errFull)
	require.ErrorIs(t, r.end(), errFull)
	require.ErrorIs(t, r.flush(), errFull)
	require.Equal(t, 2, out.writes)
}

// BenchmarkTables measures the tables of predictions, in rows of six horizons.
func BenchmarkTables(b *testing.B) {
	horizons := []float64{3, 6, 12, 18, 24, 36}
	at := make([]float64, len(horizons))
	const n = 20_000
	fill := func(i int) string {
		for k := range at {
			at[k] = 1 / (1.1 + math.Sqrt(float64(i*(k+1))))
		}
		return strconv.Itoa(100_000_000 + i)
	}
	b.Run("predictions", func(b *testing.B) {
		for b.Loop() {
			t, err := NewPredictionTables(io.Discard, io.Discard, horizons)
			require.NoError(b, err)
			for i := range n {
				id := fill(i)
				if err := t.Write(Prediction{ID: id, Survival: at, RMST: 30 * at[1], Risk: -at[0], Rank: i, InTraining: true}); err != nil {
					b.Fatal(err)
				}
			}
			require.NoError(b, t.Close())
		}
		b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("out of fold", func(b *testing.B) {
		for b.Loop() {
			t, err := NewOutOfFoldTable(io.Discard, horizons)
			require.NoError(b, err)
			for i := range n {
				id := fill(i)
				if err := t.Write(id, Task{Model: "cox_ph", Fold: 3}, -at[0], at); err != nil {
					b.Fatal(err)
				}
			}
			require.NoError(b, t.Close())
		}
		b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}

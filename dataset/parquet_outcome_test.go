package dataset_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/dataset"
)

// visit is a row whose outcome columns have unusual types and gaps.
type visit struct {
	ID    *float64 `parquet:"id,optional"`
	Time  *int32   `parquet:"time,optional"`
	Event *float64 `parquet:"event,optional"`
	Group *uint64  `parquet:"group,optional"`
}

func at[T any](v T) *T { return &v }

// Outcome columns may be of any numeric type, ids and groups too; integers are never rounded.
func TestParquetOutcomeTypes(t *testing.T) {
	s := dataset.Schema{ID: "id", Time: "time", Event: "event", Group: "group"}
	table, _, err := read("t.parquet", parquetFile(t, []visit{
		{at(1.5), at(int32(3)), at(1.0), at(uint64(1<<63 + 1))},
		{at(2.0), at(int32(4)), at(0.0), at(uint64(1 << 63))},
	}), s)
	require.NoError(t, err)
	require.Equal(t, []string{"1.5", "2"}, table.ID)
	require.Equal(t, []float64{3, 4}, table.Outcome.Time)
	require.Equal(t, []bool{true, false}, table.Outcome.Event)
	require.Equal(t, []int{0, 1}, table.Group)
}

// Whole numbers of 64 bits as ids and events, which come a page at a time, are the texts and flags
// that they are one by one; a gap or another code among them is found.
func TestParquetWholeOutcome(t *testing.T) {
	type row struct {
		ID    *int64  `parquet:"id,optional"`
		Time  float64 `parquet:"time"`
		Event *int64  `parquet:"event,optional"`
	}
	s := dataset.Schema{ID: "id", Time: "time", Event: "event"}
	table, _, err := read("t.parquet", parquetFile(t, []row{{at[int64](-7), 1, at[int64](1)}, {at[int64](9007199254740993), 2, at[int64](0)}}), s)
	require.NoError(t, err)
	require.Equal(t, []string{"-7", "9007199254740993"}, table.ID)
	require.Equal(t, []bool{true, false}, table.Outcome.Event)
	for want, bad := range map[string]row{
		`row 1: column "id": has no id`:                    {nil, 2, at[int64](0)},
		`row 1: column "event": is missing in 1 rows`:      {at[int64](2), 2, nil},
		`row 1: column "event": has the codes 2 in 1 rows`: {at[int64](2), 2, at[int64](2)},
	} {
		_, _, err := read("t.parquet", parquetFile(t, []row{{at[int64](1), 1, at[int64](1)}, bad}), s)
		require.ErrorContains(t, err, want)
	}
}

// Gaps and codes in outcome columns are refused as those of a CSV file are.
func TestParquetOutcomeRefusals(t *testing.T) {
	good := visit{at(1.0), at(int32(3)), at(1.0), at(uint64(1))}
	for name, c := range map[string]struct {
		spoil func(*visit)
		want  string
	}{
		"id":     {func(v *visit) { v.ID = nil }, `row 1: column "id": has no id`},
		"NaN id": {func(v *visit) { v.ID = at(nan) }, `row 1: column "id": has no id`},
		"time":   {func(v *visit) { v.Time = nil }, `row 1: column "time": is missing or not a finite number in 1 rows`},
		"event":  {func(v *visit) { v.Event = nil }, `row 1: column "event": is missing in 1 rows`},
		"NaN":    {func(v *visit) { v.Event = at(nan) }, `row 1: column "event": is missing in 1 rows`},
		"code":   {func(v *visit) { v.Event = at(2.0) }, `row 1: column "event": has the codes 2 in 1 rows`},
		"group":  {func(v *visit) { v.Group = nil }, `row 1: column "group": is missing in 1 rows`},
	} {
		bad := good
		c.spoil(&bad)
		_, _, err := read("t.parquet", parquetFile(t, []visit{good, bad}), dataset.Schema{ID: "id", Time: "time", Event: "event", Group: "group"})
		require.ErrorContains(t, err, c.want, name)
	}
}

// A message about many columns names five of them and counts the others.
func TestManyColumnsInOneMessage(t *testing.T) {
	_, _, err := read("t.csv", []byte(lines("time,event,a,b,c,d,e,f,g", "1,1,x,x,x,x,x,x,x", "2,0,1,1,1,1,1,1,1")), base)
	require.ErrorContains(t, err, `column "a": holds both numbers and text (so do "b", "c", "d", "e", "f" and 1 more)`)
}

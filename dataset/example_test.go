package dataset_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"everfold/dataset"
)

const trial = `patient,months,died,age,arm
p1,12.5,1,61,new
p2,0,0,48,old
p3,30,0,,new
`

func openTrial(context.Context) (io.ReadCloser, int64, error) {
	return io.NopCloser(strings.NewReader(trial)), int64(len(trial)), nil
}

// A table is read with the meaning that a schema gives its columns; the profile says what
// was dropped and how columns were understood.
func ExampleRead() {
	table, profile, err := dataset.Read(context.Background(),
		dataset.Source{Name: "trial.csv", Open: openTrial},
		dataset.Schema{ID: "patient", Time: "months", Event: "died", ZeroTime: dataset.ZeroDrop})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(table.Rows(), "rows,", table.Outcome.Events(), "event,", profile.Dropped[0].Rows, profile.Dropped[0].Reason)
	for _, c := range table.Columns {
		fmt.Println(c.Name, c.Kind, c.Values, c.Codes, c.Levels)
	}
	// Output:
	// 2 rows, 1 event, 1 zero_time
	// age numeric [61 NaN] [] []
	// arm categorical [] [0 0] [new]
}

// A refusal says where, what and what is allowed.
func ExampleInvalidError() {
	_, _, err := dataset.Read(context.Background(),
		dataset.Source{Name: "trial.csv", Open: openTrial},
		dataset.Schema{Time: "month", Event: "died"})
	fmt.Println(err)
	// Output:
	// trial.csv: column "month": is named by data.time, but the file has no such column; allowed: a column of the file; near: ["months"]
}

// The prepared table is a Parquet file that gives back an equal table.
func ExampleWriteParquet() {
	table, _, err := dataset.Read(context.Background(),
		dataset.Source{Name: "trial.csv", Open: openTrial},
		dataset.Schema{ID: "patient", Time: "months", Event: "died", ZeroTime: dataset.ZeroReplace, ZeroValue: 0.5})
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	if err = dataset.WriteParquet(&file, table, table.Digest()); err != nil {
		fmt.Println(err)
		return
	}
	back, err := dataset.ReadPrepared(bytes.NewReader(file.Bytes()), int64(file.Len()))
	fmt.Println(back.Digest() == table.Digest(), back.Outcome.Time, err)
	// Output:
	// true [12.5 0.5 30] <nil>
}

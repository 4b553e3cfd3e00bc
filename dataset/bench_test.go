package dataset_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"everfold/dataset"
)

// churn makes a table of the production shape: an id, nine numeric columns with gaps, two
// categorical ones, time and event.
func churn(rows int) []byte {
	var b bytes.Buffer
	b.WriteString("id,a,b,c,d,e,f,g,h,i,tariff,risk,time,event\n")
	tariffs, risks := []string{"basic", "gold", "silver"}, []string{"low", "high", "mid", ""}
	for i := range rows {
		v := float64(i)
		fmt.Fprintf(&b, "cust-%d,%.6f,%.4f,%d,%.2f,,%d,%.3f,%d,%d,%s,%s,%.4f,%d\n", i, v*1.234567, float64(i%977)/7, i%13, v/3,
			i%7, v/11, i, i%100, tariffs[i%3], risks[i%4], float64(i%3600+1)/30.4375, i%2)
	}
	return b.Bytes()
}

var churnSchema = dataset.Schema{ID: "id", Time: "time", Event: "event"}

// BenchmarkReadCSV measures reading text, on one core.
func BenchmarkReadCSV(b *testing.B) {
	text := churn(200_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := dataset.Read(context.Background(), dataset.Source{Name: "x.csv", Open: streamed(text)}, churnSchema); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPrepared measures writing and reading the prepared table, in bytes of the table.
func BenchmarkPrepared(b *testing.B) {
	table, _, err := read("x.csv", churn(200_000), churnSchema)
	if err != nil {
		b.Fatal(err)
	}
	var file bytes.Buffer
	b.Run("write", func(b *testing.B) {
		b.SetBytes(table.Bytes())
		for b.Loop() {
			file.Reset()
			if err := dataset.WriteParquet(&file, table); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(table.Bytes())
		for b.Loop() {
			if _, err := dataset.ReadPrepared(bytes.NewReader(file.Bytes()), int64(file.Len())); err != nil {
				b.Fatal(err)
			}
		}
	})
}

package dataset_test

import (
	"bytes"
	"context"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/dataset"
	"everfold/dataset/synthetic"
)

var churnSchema = dataset.Schema{ID: synthetic.KeyColumn, Time: synthetic.TimeColumn, Event: synthetic.EventColumn}

// churn is the production-shaped table as a file.
func churn(b *testing.B, write func(synthetic.Table, context.Context, io.Writer) error) []byte {
	b.Helper()
	var file bytes.Buffer
	require.NoError(b, write(synthetic.Table{Rows: 200_000, Seed: 1}, b.Context(), &file))
	return file.Bytes()
}

// processor is the CPU time that this process has used: unlike wall time it does not suffer
// from others on the machine.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure reports megabytes a second of CPU time, garbage collection included.
func measure(b *testing.B, size int64, once func() error) {
	b.Helper()
	b.SetBytes(size)
	b.ReportAllocs()
	start := processor(b)
	for b.Loop() {
		if err := once(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)*float64(b.N)/1e6/(processor(b)-start).Seconds(), "MB/cpu-s")
}

// BenchmarkRead measures reading the production-shaped table, in bytes of its CSV for both
// formats, so that they compare.
func BenchmarkRead(b *testing.B) {
	text := churn(b, synthetic.Table.WriteCSV)
	for name, content := range map[string][]byte{"x.csv": text, "x.parquet": churn(b, synthetic.Table.WriteParquet)} {
		b.Run(name, func(b *testing.B) {
			measure(b, int64(len(text)), func() error {
				_, _, err := read(name, content, churnSchema)
				return err
			})
		})
	}
}

// BenchmarkPrepared measures writing and reading the prepared table, in bytes of the table.
func BenchmarkPrepared(b *testing.B) {
	table, _, err := read("x.csv", churn(b, synthetic.Table.WriteCSV), churnSchema)
	if err != nil {
		b.Fatal(err)
	}
	var file bytes.Buffer
	b.Run("write", func(b *testing.B) {
		measure(b, table.Bytes(), func() error {
			file.Reset()
			return dataset.WriteParquet(&file, table, table.Digest())
		})
	})
	b.Run("read", func(b *testing.B) {
		measure(b, table.Bytes(), func() error {
			_, err := dataset.ReadPrepared(bytes.NewReader(file.Bytes()), int64(file.Len()))
			return err
		})
	})
}

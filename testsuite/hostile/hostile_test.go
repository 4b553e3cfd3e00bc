package hostile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"runtime/metrics"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/config"
	"everfold/dataset"
	"everfold/store"
	"everfold/store/storetest"
)

// bounded fails where decode allocates more than base bytes and so many for each byte of its
// input. It counts every allocation, garbage too, so factors are far above what is ever held.
func bounded(t *testing.T, size int, base, factor uint64, decode func()) {
	t.Helper()
	before := allocated()
	decode()
	if got := allocated() - before; got > base+factor*uint64(size) {
		t.Fatalf("%d bytes made it allocate %d MiB", size, got>>20)
	}
}

// allocated is what was allocated so far, up to a MiB or two of small objects; it stops nothing,
// as runtime.ReadMemStats would.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

const mib = 1 << 20

// specText is a spec as people write it.
const specText = `
run: churn
type: sample
data: {uri: /data/churn.csv, time: months, event: ended, ignore: [a, b]}
folds: {k: 3, seed: 18446744073709551615}
metrics: {grid: [1, 2.5, 4]}
models:
  - {type: cox_ph}
  - {name: forest, type: rsf, trees: 10, mtry: all}
  - {name: mean, type: stack, of: [cox_ph, forest]}
store: {uri: "s3://bucket/prefix", endpoint: "http://h:9000"}
notify: ["${EVERFOLD_NOTIFY_A}"]
`

func spec(t testing.TB) *config.Spec {
	t.Helper()
	s, err := config.ParseYAML([]byte(specText), "")
	require.NoError(t, err)
	return s
}

func encoded(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return text
}

// sealed ends a JSON object with its digest, as run.json and manifests do, so that decoders get
// past it. What is no object stays as it is.
func sealed(body []byte) []byte {
	var compact bytes.Buffer
	if json.Compact(&compact, body) != nil || !bytes.HasPrefix(compact.Bytes(), []byte("{")) {
		return body
	}
	text := bytes.TrimSuffix(compact.Bytes(), []byte("}"))
	if len(text) > 1 {
		text = append(text, ',')
	}
	text = append(text, `"sha256":"`...)
	sum := store.SHA256(append(bytes.Clone(text), `"}`...))
	return append(text, sum+`"}`...)
}

// unsealed is a document without its digest: what sealed takes.
func unsealed(t testing.TB, text []byte) []byte {
	t.Helper()
	var compact bytes.Buffer
	require.NoError(t, json.Compact(&compact, text))
	head, _, found := bytes.Cut(compact.Bytes(), []byte(`,"sha256":"`+string(digestOf(compact.Bytes()))))
	require.True(t, found)
	return append(head, '}')
}

// digestOf is the digest that a compact document ends with.
func digestOf(text []byte) []byte { return text[len(text)-66 : len(text)-2] }

// holding is a store with one object.
func holding(t testing.TB, key string, content []byte) store.Store {
	t.Helper()
	s := storetest.Memory()
	_, err := store.PutBytes(t.Context(), s, key, content, store.Condition{})
	require.NoError(t, err)
	return s
}

// source is a data file of that name, which Parquet is read of in place.
func source(name string, content []byte) dataset.Source {
	return dataset.Source{Name: name, Limits: dataset.Limits{Memory: 64 * mib},
		Open: func(context.Context) (io.ReadCloser, int64, error) {
			return inMemory{bytes.NewReader(content)}, int64(len(content)), nil
		}}
}

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

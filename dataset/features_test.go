package dataset_test

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/dataset"
	"everfold/survival"
)

var wanted = dataset.FeatureSchema{ID: "who", Numeric: []string{"age"}, Categorical: []string{"cell"}}

func readFeatures(t *testing.T, name, text string, s dataset.FeatureSchema) (*dataset.Features, error) {
	t.Helper()
	return dataset.ReadFeatures(t.Context(), dataset.Source{Name: name, Open: streamed([]byte(text))}, s)
}

// New rows need no outcome: the named columns are read as what they are declared to be, others
// are not looked at, nothing is dropped, ids may repeat, and there may be no rows at all.
func TestReadFeatures(t *testing.T) {
	x, err := readFeatures(t, "t.csv", "cell,mixed,who,age\n7,1,a,3.5\n,x,a,\nv,,b,1e2\n", wanted)
	require.NoError(t, err)
	require.Equal(t, 3, x.Rows)
	require.Equal(t, []string{"a", "a", "b"}, x.ID)
	require.Equal(t, "b", x.RowID(2))
	require.Equal(t, survival.Feature{Name: "cell", Kind: dataset.Categorical, Codes: []int32{0, -1, 1}, Levels: []string{"7", "v"}}, x.Columns[0])
	require.Equal(t, "age", x.Columns[1].Name)
	require.Equal(t, 3.5, x.Columns[1].Values[0])
	require.True(t, x.Columns[1].Missing(1))
	x.Frame().Validate()

	x, err = readFeatures(t, "t.csv", "age\n1\n2\n", dataset.FeatureSchema{Numeric: []string{"age"}})
	require.NoError(t, err)
	require.Equal(t, "1", x.RowID(1))
	x, err = readFeatures(t, "t.csv", "age\n", dataset.FeatureSchema{Numeric: []string{"age"}})
	require.NoError(t, err)
	require.Zero(t, x.Rows)
	x.Frame().Validate()
}

// What is missing or of another kind is refused by name, all missing columns at once; what the
// opener says is passed on.
func TestReadFeaturesRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"who,Age\n1,2\n":          `t.csv: column "age": is needed, but the file has no such column (nor "cell"); allowed: a column of the file; near: ["Age"]`,
		"who,age,cell\n1,old,u\n": `t.csv: line 2 (row 0): column "age": holds text where a number is needed`,
		"who,age,cell\n,1,u\n":    `column "who": has no id`,
		"who,age,age,cell\n":      `column "age": is the name of columns 2 and 3`,
		"":                        "t.csv: is empty",
	} {
		_, err := readFeatures(t, "t.csv", text, wanted)
		var refused *dataset.InvalidError
		require.ErrorAs(t, err, &refused, text)
		require.ErrorContains(t, err, want)
	}
	_, err := readFeatures(t, "t.parquet", "PAR1", wanted)
	require.ErrorContains(t, err, "is not a readable Parquet file")
	_, err = readFeatures(t, "t.txt", "", wanted)
	require.ErrorContains(t, err, "the name does not tell the format")
	source := dataset.Source{Name: "t.csv", Open: streamed([]byte("c\na\nb\nc\n")), Limits: dataset.Limits{Levels: 2}}
	_, err = dataset.ReadFeatures(t.Context(), source, dataset.FeatureSchema{Categorical: []string{"c"}})
	require.ErrorContains(t, err, `column "c": has too many levels`)
	_, err = dataset.ReadFeatures(t.Context(), dataset.Source{Name: "t.csv", Open: file("none.csv")}, wanted)
	require.True(t, errors.Is(err, fs.ErrNotExist))
}

// Features that were written are read back as equal ones, floats by their bits, whatever the order
// of the columns was; writing is deterministic. Damage, and another file, is refused.
func TestFeaturesRoundTrip(t *testing.T) {
	schema := dataset.FeatureSchema{ID: "who", Numeric: []string{"age", "time"}, Categorical: []string{"cell"}}
	keep := func(x *dataset.Features, id string) []byte {
		var b bytes.Buffer
		require.NoError(t, x.WriteParquet(&b, id))
		return b.Bytes()
	}
	x, err := readFeatures(t, "t.csv", "cell,who,age,time\n u,a,3.5,0.1\n,a,,-0\n7,b,1e300,2\n", schema)
	require.NoError(t, err)
	content := keep(x, "who")
	require.Equal(t, content, keep(x, "who"))
	back, err := dataset.ReadKept(t.Context(), dataset.Source{Name: "kept.parquet"}, content, schema)
	require.NoError(t, err)
	require.Equal(t, x.Digest(), back.Digest())
	require.Equal(t, x.ID, back.ID)
	require.Equal(t, "t.csv", back.Source, "not the file that they are kept in")
	require.Equal(t, content, keep(back, "who"))
	require.Positive(t, x.Bytes())
	moved, err := readFeatures(t, "t.csv", "time,age,more,who,cell\n0.1,3.5,x,a, u\n-0,,y,a,\n2,1e300,z,b,7\n", schema)
	require.NoError(t, err)
	require.Equal(t, x.Digest(), moved.Digest())
	for _, other := range []string{
		"cell,who,age,time\n u,a,3.5,0.1\n,a,,0\n7,b,1e300,2\n", "cell,who,age,time\n u,c,3.5,0.1\n,a,,-0\n7,b,1e300,2\n",
		"cell,who,age,time\n,a,,-0\n u,a,3.5,0.1\n7,b,1e300,2\n", "cell,who,age,time\n u,a,3.5,0.1\n,a,,-0\n7,b,1e300,2\n7,b,1e300,2\n",
	} {
		y, err := readFeatures(t, "t.csv", other, schema)
		require.NoError(t, err)
		require.NotEqual(t, x.Digest(), y.Digest(), other)
	}
	var refused *dataset.InvalidError
	for at := 0; at < len(content); at += 7 { // some flips are in what nobody reads
		bad := bytes.Clone(content)
		bad[at] ^= 0x10
		back, err := dataset.ReadKept(t.Context(), dataset.Source{Name: "kept.parquet"}, bad, schema)
		if err == nil {
			require.Equal(t, x.Digest(), back.Digest())
			continue
		}
		require.ErrorAs(t, err, &refused)
	}
	var table bytes.Buffer
	whole, profile := readCSV(t, "time,event,age,cell\n1,1,2,u\n2,0,3,v\n", base)
	require.NoError(t, dataset.WriteParquet(&table, whole, profile.Digest))
	_, err = dataset.ReadKept(t.Context(), dataset.Source{Name: "kept.parquet"}, table.Bytes(), dataset.FeatureSchema{Numeric: []string{"x_age"}})
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, refused.Err, "does not have the digest")

	empty, err := readFeatures(t, "t.csv", "more\n1\n2\n", dataset.FeatureSchema{})
	require.NoError(t, err)
	back, err = dataset.ReadKept(t.Context(), dataset.Source{Name: "kept.parquet"}, keep(empty, ""), dataset.FeatureSchema{})
	require.NoError(t, err)
	require.Equal(t, 2, back.Rows)
}

package report

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
)

// hostile is a name that would leave its place in HTML, SVG, an attribute or a shell, and has
// characters that no document may hold.
const hostile = `"><script>alert('1')</script>]]>&amp;` + "\x00\x1b[31m\u202e\xff $(rm -rf /)"

// hostileRun has that name wherever a run may have one.
func hostileRun(t *testing.T) *artifact.Contents {
	t.Helper()
	spec, err := config.ParseYAML([]byte(`{run: demo, type: sample, data: {uri: /data/x.csv, time: months, event: ended}, folds: {k: 2}, models: [{type: cox_ph}]}`), "")
	require.NoError(t, err)
	spec.Data.URI, spec.Data.Time, spec.Data.Event = "/data/"+hostile+".csv", hostile, hostile
	c, b := 0.7, 0.2
	p := 0.01
	fold := func(k int) *artifact.Manifest {
		v := float32(0.6)
		return &artifact.Manifest{Model: "cox_ph", Type: "cox_ph", Fold: k, Scores: artifact.Scores{CIndex: &c, IBS: &b}, TrainRows: 50, TestRows: 50,
			FitSeconds: 1, FinishedAt: 1_700_000_000_000, Attempt: 2, Worker: hostile,
			Warnings: []artifact.Warning{{Category: hostile, Message: hostile}, {Category: "data", Message: hostile}},
			PHTests:  []artifact.PHTest{{Term: hostile, Transform: "km", DF: 1, Chisq: &c, P: &p}},
			Details: &artifact.Details{Curves: &artifact.Curves{Times: []float64{1, 2}, Brier: []float32{0.1, 0.2}, AUC: []*float32{nil, &v}},
				Horizons: []artifact.AtHorizon{{Horizon: 1, ICI: &p}}},
			Explanation: &artifact.Explanation{Importance: []artifact.Importance{{Column: hostile, CIndexDrop: &p}},
				Dependence: []artifact.Dependence{{Column: hostile, Values: []string{hostile, "b"}, Horizons: []float64{1}, Survival: [][]float64{{0.5}, {0.6}}}}},
		}
	}
	profile := `{"rows_read":100,"rows_kept":99,"dropped":[{"reason":"NAME","rows":1}],"columns":[{"name":"NAME","role":"categorical","levels":[{"level":"NAME"}]}],"warnings":[{"category":"data","message":"NAME"}]}`
	name, err := jsonText(hostile)
	require.NoError(t, err)
	return &artifact.Contents{
		Run:       &artifact.Run{Spec: spec, Folds: []artifact.FoldInfo{{Index: 0}, {Index: 1}}, Data: artifact.DataInfo{Rows: 100, Events: 50}, Build: hostile},
		Folds:     []*artifact.Manifest{fold(0), fold(1)},
		Standings: []artifact.Standing{{Model: "cox_ph", Rank: 1, Folds: 2, CIndexMean: &c, IBSMean: &b}},
		Selection: &artifact.Selection{Metric: "cindex", Model: hostile, Models: 2, Reason: hostile},
		Missing:   []artifact.Incomplete{{Task: artifact.Task{Model: "km", Fold: 0}, Reason: hostile}},
		Problems:  []artifact.Problem{{What: hostile, Why: hostile}},
		Profile:   []byte(strings.ReplaceAll(profile, `"NAME"`, name)),
	}
}

func files(t *testing.T, c *artifact.Contents) map[string]string {
	t.Helper()
	r, err := New(t.Context(), Input{Contents: c})
	require.NoError(t, err)
	out := map[string]string{}
	for _, f := range r.Files {
		out[f.Name] = string(f.Content)
	}
	return out
}

// Whatever a run calls its columns, levels and warnings, the page has no element, attribute or
// character that is not the report's own, and so has every picture.
func TestHostileNames(t *testing.T) {
	written := files(t, hostileRun(t))
	require.Contains(t, written["index.html"], "alert(")
	for name, content := range written {
		if strings.HasSuffix(name, ".png") {
			continue
		}
		require.NotContains(t, content, "<script", name)
		require.NotContains(t, content, "\x00", name)
		require.NotContains(t, content, "\x1b", name)
		require.NotContains(t, content, "\u202e", name)
		elements(t, content, strings.HasSuffix(name, ".svg"))
	}
	require.Contains(t, written["index.html"], `starter report &#39;`[:15])
	require.Len(t, written, 1+2*7, "scores, curves, importance, dependence, timeline")
}

// elements parses a document and returns its elements with their attributes, in order.
func elements(t *testing.T, content string, strict bool) []xml.StartElement {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(content))
	if !strict {
		d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	}
	var out []xml.StartElement
	for {
		token, err := d.Token()
		if err == io.EOF {
			return out
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok {
			out = append(out, e.Copy())
			require.NotEqual(t, "script", e.Name.Local)
			for _, a := range e.Attr {
				require.False(t, strings.HasPrefix(a.Name.Local, "on"), a.Name.Local)
			}
		}
	}
}

// Planned fits that are not there are named, so many; of a large run that has hardly begun the
// rest is counted.
func TestMissingIsBounded(t *testing.T) {
	c := hostileRun(t)
	for k := range 500 {
		c.Missing = append(c.Missing, artifact.Incomplete{Task: artifact.Task{Model: "rsf", Fold: k}, Reason: "no manifest"})
	}
	page := files(t, c)["index.html"]
	require.Contains(t, page, "rsf fold 58: no manifest")
	require.NotContains(t, page, "rsf fold 59: no manifest")
	require.Contains(t, page, "and 441 more")
	require.Contains(t, page, "501 planned fits are not complete")
}

// Every picture has its texts, its colours on a dark screen, and nothing that is fetched.
func TestPictures(t *testing.T) {
	for name, content := range files(t, hostileRun(t)) {
		if !strings.HasSuffix(name, ".svg") {
			continue
		}
		root := elements(t, content, true)
		require.Equal(t, []string{"svg", "title", "desc", "style"}, []string{root[0].Name.Local, root[1].Name.Local, root[2].Name.Local, root[3].Name.Local}, name)
		require.Contains(t, content, "prefers-color-scheme:dark", name)
		require.NotContains(t, content, "url(", name)
		for _, e := range root[4:] {
			for _, a := range e.Attr {
				if a.Name.Local != "style" {
					continue
				}
				for _, declaration := range strings.Split(a.Value, ";") {
					if _, colour, ok := strings.Cut(declaration, ":#"); ok {
						require.Contains(t, content[:strings.Index(content, "</style>")], ":#"+colour, "%s: a colour without a dark one", name)
					}
				}
			}
		}
	}
}

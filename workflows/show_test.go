package workflows

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/activities"
)

// The live table has a row a model and a column a fold; with many folds it counts states.
func TestMarkdown(t *testing.T) {
	c := 0.7123
	b := newBoard()
	add := func(model string, fold int, state FoldState) *cell {
		one := &cell{foldID: foldID{model, fold}, state: state}
		b.cells = append(b.cells, one)
		return one
	}
	done := add("cox", 0, DoneState)
	done.cindex = &c
	add("cox", 1, Running)
	add("rsf", 0, DoneState)
	add("rsf", 1, Failed).failure = &Failure{Type: activities.ErrPoisonFold}
	require.Equal(t, "**preparing**: 2 of 4 folds done, 1 running, 1 failed\n\n"+
		"Numbers are the column `cindex` of `model_metrics.csv`.\n"+`
| model | fold 0 | fold 1 | mean |
|:---|---:|---:|---:|
| cox | 0.7123 | running | **0.7123** |
| rsf | done | PoisonFold | – |
`+filler, b.markdown())

	for fold := 2; fold < 2+wideTable; fold++ {
		add("rsf", fold, Waiting)
	}
	b.cells = b.cells[2:]
	lines := strings.Split(b.markdown(), "\n")
	require.Equal(t, "| model | done | running | waiting | failed | skipped | mean |", lines[4])
	require.Equal(t, "| rsf | 1 | 0 | 12 | 1 | 0 | – |", lines[6])
}

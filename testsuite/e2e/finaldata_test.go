package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
)

// Claim: a run predicts the rows of final.data that it checked in the beginning, though the file is
// gone by then and everything is killed on the way; started again it leaves them alone, and predicts
// another content, without fitting anything. A file that cannot do is refused before any fit.
func TestFinalData(t *testing.T) {
	l := embeddedLab(t)
	rows := filepath.Join(l.env.Dir, "new.csv")
	write := func(text string) {
		t.Helper()
		require.NoError(t, os.WriteFile(rows, []byte(text), 0o600))
	}
	const header, good = "celltype,trt,prior,age,diagtime,karno\n", "squamous,1,0,69,7,60\nround,2,1,48,3,90\n"
	write("age,karno\n69,60\n")
	refused := l.starter(2, "run", veteran, "--embedded", "--set", "final.data="+rows)
	require.Contains(t, refused.Stderr, "final.data: "+rows)
	require.NoFileExists(t, l.path("run.json"))

	l, args := stoppedInFinalFit(t, syscall.SIGKILL, func() []string {
		write(header + good)
		return []string{"--set", "final.data=" + rows}
	}, func() { require.NoError(t, os.Remove(rows)) })
	again := l.starter(0, args...) // goes on with what was prepared
	require.Contains(t, again.Stdout, "predictions/predictions.csv and .parquet: 2 rows of new.csv by gbsa\n")
	require.Contains(t, again.Stdout, "in_training is empty")
	require.Equal(t, 1, strings.Count(again.Stdout, `column "celltype": 1 of 2 rows have a level`))
	predictions := func() string { return l.file(filepath.FromSlash(artifact.PredictionsKey)) }
	first := predictions()
	require.Len(t, strings.Split(strings.TrimSpace(first), "\n"), 3)

	write(header + good)
	start := func() {
		t.Helper()
		e := document[ended](t, l.starter(0, append(args, "--json")...))
		require.Equal(t, []int{0, 4}, []int{e.Result.Trained, e.Result.Reused})
	}
	start()
	require.Equal(t, first, predictions())
	write(header + strings.Replace(good, "48,3,90", "49,3,20", 1))
	start()
	require.NotEqual(t, first, predictions())
}

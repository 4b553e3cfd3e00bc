package activities

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/store"
	"everfold/survival"
	"everfold/survival/preprocess"
	"everfold/survival/registry"
	"everfold/survival/resample"
)

// Every known error has one class, and only what another attempt could mend is retried.
func TestClassOf(t *testing.T) {
	for _, c := range []struct {
		err   error
		typ   string
		retry bool
	}{
		{&config.Error{}, ErrInvalidSpec, false},
		{&registry.SettingsError{}, ErrInvalidSpec, false},
		{&artifact.ChangedError{}, ErrInvalidSpec, false},
		{resample.ErrFolds, ErrInvalidSpec, false},
		{errHasArtifacts, ErrInvalidSpec, false},
		{&dataset.InvalidError{}, ErrDataInvalid, false},
		{&survival.DataError{}, ErrDataInvalid, false},
		{&survival.ColumnError{}, ErrDataInvalid, false},
		{&preprocess.TermError{}, ErrDataInvalid, false},
		{&resample.FileError{}, ErrDataInvalid, false},
		{fs.ErrNotExist, ErrDataInvalid, false},
		{fs.ErrPermission, ErrDataInvalid, false},
		{ErrDataRefused, ErrDataInvalid, false},
		{&dataset.InvalidError{Err: survival.ErrNoEvents}, ErrNoEvents, false},
		{survival.ErrNotConverged, ErrNotConverged, false},
		{errPoison, ErrPoisonFold, false},
		{errLost, ErrWorkersLost, false},
		{errNoMemory, ErrNoMemory, false},
		{artifact.ErrSuperseded, ErrSuperseded, false},
		{store.ErrUnavailable, ErrStoreUnavailable, true},
		{store.ErrConflict, ErrStoreUnavailable, true},
		{fmt.Errorf("%w: %w", dataset.ErrTemporary, fs.ErrNotExist), ErrStoreUnavailable, true},
		{store.ErrCorrupt, ErrArtifactCorrupt, true},
		{store.ErrNotFound, ErrArtifactCorrupt, true},
		{artifact.ErrDamaged, ErrArtifactCorrupt, true},
		{errVersions, ErrVersionMismatch, true},
		{errors.New("surprise"), errUnknown, true},
	} {
		got := classOf(fmt.Errorf("fit: %w", c.err))
		require.Equal(t, class{c.typ, c.retry}, got, "%T %v", c.err, c.err)
	}
}

// A message never makes a failure larger than history should hold.
func TestLongMessagesAreShortened(t *testing.T) {
	got := shorten(strings.Repeat("x", 10*maxMessage))
	require.Less(t, len(got), maxMessage+60)
	require.Equal(t, "short", shorten("short"))
	require.True(t, utf8.ValidString(shorten("x"+strings.Repeat("€", maxMessage/3))), "cut within a character")
}

// Bad input is refused by its class before anything is written to the run's folder.
func TestBadInputWritesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		csv  string
		set  []string
		typ  string
		says string
	}{
		"missing file":     {set: []string{"data.uri=/no/such/file.csv"}, typ: ErrDataInvalid, says: "no such file"},
		"empty file":       {csv: " ", typ: ErrDataInvalid},
		"header only":      {csv: "time,status,x\n", typ: ErrDataInvalid, says: "no data rows"},
		"no events":        {csv: rows("1,0,1", "2,0,2", "3,0,3"), typ: ErrNoEvents},
		"one time":         {csv: rows("5,1,1", "5,1,2", "5,0,3"), typ: ErrDataInvalid, says: "at least two different times"},
		"negative time":    {csv: rows("1,1,1", "-2,1,2", "3,0,3"), typ: ErrDataInvalid, says: "row 1"},
		"zero time":        {csv: rows("1,1,1", "0,1,2", "3,0,3"), typ: ErrDataInvalid, says: "on_zero_time"},
		"NaN time":         {csv: rows("1,1,1", "NaN,1,2", "3,0,3"), typ: ErrDataInvalid, says: "row 1"},
		"text in number":   {csv: rows("1,1,1", "x,1,2", "3,0,3"), typ: ErrDataInvalid, says: "row 1"},
		"event coded 2":    {csv: rows("1,1,1", "2,2,2", "3,0,3"), typ: ErrDataInvalid, says: "competing"},
		"unknown column":   {csv: rows("1,1,1", "2,0,2"), set: []string{"data.group=sight"}, typ: ErrDataInvalid, says: "sight"},
		"ragged line":      {csv: rows("1,1,1", "2,0", "3,0,3"), typ: ErrDataInvalid, says: "line 3"},
		"k above events":   {csv: rows("1,1,1", "2,1,2", "3,0,3", "4,0,1"), typ: ErrInvalidSpec, says: "k = 3"},
		"relative path":    {set: []string{"data.uri=x.csv"}, typ: ErrInvalidSpec, says: "relative"},
		"unknown to force": {set: []string{"folds.k=4"}, typ: ErrInvalidSpec, says: "nope"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			set := c.set
			if c.csv != "" {
				file := filepath.Join(l.dir, "bad.csv")
				require.NoError(t, os.WriteFile(file, []byte(c.csv), 0o600))
				set = append(set, "data.uri="+file, "data.categorical=~")
			}
			request := config.Request{}
			if c.says == "nope" {
				request.Force = []string{"nope"}
			}
			_, err := l.prepare(l.spec(set...), request)
			app := requireType(t, err, c.typ, false)
			require.Contains(t, app.Message(), c.says)
			infos, err := l.run().List(t.Context(), "")
			require.NoError(t, err)
			require.Empty(t, infos)
		})
	}
}

func rows(lines ...string) string { return "time,status,x\n" + strings.Join(lines, "\n") + "\n" }

// Damage of any kind is found, named, and costs the damaged fold only.
func TestDamageIsFoundNamedAndRepaired(t *testing.T) {
	risk, manifest := artifact.RiskKey("cox_ph", 1), artifact.ManifestKey("cox_ph", 1)
	for name, damage := range map[string]func(t *testing.T, path func(string) string){
		"corrupt payload":   func(t *testing.T, path func(string) string) { flip(t, path(risk), 200) },
		"truncated payload": func(t *testing.T, path func(string) string) { require.NoError(t, os.Truncate(path(risk), 100)) },
		"missing payload":   func(t *testing.T, path func(string) string) { require.NoError(t, os.Remove(path(risk))) },
		"missing manifest":  func(t *testing.T, path func(string) string) { require.NoError(t, os.Remove(path(manifest))) },
		"changed digit":     func(t *testing.T, path func(string) string) { changeDigit(t, path(manifest)) },
		"swapped payloads": func(t *testing.T, path func(string) string) {
			other := path(artifact.RiskKey("weibull_aft", 1))
			content, err := os.ReadFile(other)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path(risk), content, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			s := l.spec()
			l.train(s, config.Request{})
			want := l.bytes(".npy")
			damage(t, func(key string) string { return filepath.Join(l.dir, "out", "production", "lab", key) })

			out := l.summarize(s)
			require.Len(t, out.Incomplete, 1)
			require.Equal(t, "cox_ph", out.Incomplete[0].Model)
			require.Equal(t, 1, out.Incomplete[0].Fold)
			require.NotEmpty(t, out.Incomplete[0].Reason)

			done := l.train(s, config.Request{})
			require.Equal(t, Train, done[artifact.Task{Model: "cox_ph", Fold: 1}])
			require.Equal(t, 8, count(done, Reuse))
			require.Equal(t, want, l.bytes(".npy"))
			require.Empty(t, l.summarize(s).Incomplete)
		})
	}
}

func flip(t *testing.T, file string, at int) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	content[at] ^= 1
	require.NoError(t, os.WriteFile(file, content, 0o600))
}

func changeDigit(t *testing.T, file string) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	changed := strings.Replace(string(content), `"cindex": 0.`, `"cindex": 0.9`, 1)
	require.NotEqual(t, string(content), changed)
	require.NoError(t, os.WriteFile(file, []byte(changed), 0o600))
}

// A fold whose attempts keep vanishing is given up, with the reason; clean stops in
// between do not count.
func TestPoisonFold(t *testing.T) {
	l := newLab(t)
	s := l.spec("resources.max_lost_workers=2")
	_, err := l.prepare(s, config.Request{})
	require.NoError(t, err)
	for attempt := 101; attempt <= 102; attempt++ {
		_, err := artifact.RecordStart(t.Context(), l.run(), artifact.Start{
			Task: artifact.Task{Model: "cox_ph", Fold: 0}, Execution: "default-test-run-id", Attempt: attempt})
		require.NoError(t, err)
	}
	_, err = l.fit(s, "cox_ph", 0, "")
	app := requireType(t, err, ErrPoisonFold, false)
	require.Contains(t, app.Message(), "out of memory")
	_, err = l.fit(s, "cox_ph", 1, "")
	require.NoError(t, err)
}

// A step beside the fits whose attempts keep vanishing is given up, too, and says what to do; one that ends
// well forgets its losses, and leaves nothing behind.
func TestStepsThatLoseWorkers(t *testing.T) {
	l := newLab(t)
	s := l.spec("resources.max_lost_workers=2")
	ignoring := func(_ any, err error) error { return err }
	steps := map[string]func() error{
		"preparation": func() error { return ignoring(l.prepare(s, config.Request{})) },
		"summary": func() error {
			return ignoring(l.env.ExecuteActivity(SummarizeName, SummarizeInput{Run: Ref(s), SpecDigest: s.Digest()}))
		},
		"predictions": func() error { return ignoring(l.predict(s, "cox_ph")) },
		"report":      func() error { return ignoring(l.report(s)) },
	}
	l.finished(s, "cox_ph")
	for step, do := range steps {
		t.Run(step, func(t *testing.T) {
			losses := func(from, to int) {
				for attempt := from; attempt <= to; attempt++ {
					_, err := artifact.RecordStart(t.Context(), l.run(), artifact.Start{
						Task: artifact.StepTask(step), Execution: "default-test-run-id", Attempt: attempt})
					require.NoError(t, err)
				}
			}
			losses(101, 101)
			require.NoError(t, do())
			infos, err := l.run().List(t.Context(), artifact.CheckpointsPrefix)
			require.NoError(t, err)
			require.Empty(t, infos)
			losses(101, 102)
			app := requireType(t, do(), ErrWorkersLost, false)
			require.Contains(t, app.Message(), "2 attempts ended with the death of their worker, or with it hung, without an error")
			require.Contains(t, app.Message(), "out of memory is the usual cause (max_lost_workers: 2); ")
			require.NoError(t, artifact.ClearStarts(t.Context(), l.run(), artifact.StepTask(step)))
		})
	}
	require.Equal(t, "report", artifact.StepTask("report").String())
	require.False(t, config.IsModelName(artifact.StepTask("report").Model))
}

// A worker of another release leaves the fold to one of the run's own.
func TestOtherVersionsAreLeftToOthers(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	_, err := l.prepare(s, config.Request{})
	require.NoError(t, err)
	run, etag, err := artifact.ReadRun(t.Context(), l.run())
	require.NoError(t, err)
	run.Versions.Models["cox_ph"]++
	require.NoError(t, artifact.WriteRun(t.Context(), l.run(), run, etag))
	_, err = l.fit(s, "cox_ph", 0, "")
	requireType(t, err, ErrVersionMismatch, true)
}

// Claim: the machine's memory counts, and the smallest limit of the cgroups that the process is in,
// of either version, in a container or out of it; a fit above that is refused beforehand.
func TestMemoryLimit(t *testing.T) {
	dir := t.TempDir()
	proc, cgroups := filepath.Join(dir, "proc"), filepath.Join(dir, "cgroup")
	write := func(text string, path ...string) {
		file := filepath.Join(append([]string{dir}, path...)...)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	limit := func() int64 { return memoryLimit(proc, cgroups) }
	require.EqualValues(t, math.MaxInt64, limit(), "no limit is known")
	write("MemFree: 1 kB\nMemTotal: 4096 kB\n", "proc", "meminfo")
	require.EqualValues(t, 4<<20, limit())
	write("3145728\n", "cgroup", "memory.max")
	require.EqualValues(t, 3<<20, limit(), "a container's own, at the root of what it sees")
	write("max\n", "cgroup", "memory.max")
	require.EqualValues(t, 4<<20, limit())

	write("0::/system.slice/everfold-worker.service\n", "proc", "self", "cgroup")
	write("2097152\n", "cgroup", "system.slice", "memory.max")
	require.EqualValues(t, 2<<20, limit(), "a slice's")
	write("1048576\n", "cgroup", "system.slice", "everfold-worker.service", "memory.max")
	require.EqualValues(t, 1<<20, limit(), "a unit's")
	write("1\n", "cgroup", "system.slice", "another.service", "memory.max")
	require.EqualValues(t, 1<<20, limit(), "another's does not bind")
	write("1::\nnonsense\n0::/../system.slice\n", "proc", "self", "cgroup")
	require.EqualValues(t, 2<<20, limit(), "seen from elsewhere")

	write("5:cpu,cpuacct:/x\n4:memory,hugetlb:/docker/abc\n0::/\n", "proc", "self", "cgroup")
	write("9223372036854771712\n", "cgroup", "memory", "memory.limit_in_bytes")
	require.EqualValues(t, 4<<20, limit())
	write("3145728\n", "cgroup", "memory", "docker", "memory.limit_in_bytes")
	require.EqualValues(t, 3<<20, limit())
	write("2097152\n", "cgroup", "memory", "docker", "abc", "memory.limit_in_bytes")
	require.EqualValues(t, 2<<20, limit())
	write("1048576\n", "cgroup", "unified", "memory.max")
	require.EqualValues(t, 1<<20, limit(), "version 2 beside version 1")

	require.NoError(t, checkMemory("a fit", 1))
	require.ErrorIs(t, checkMemory("a fit", math.MaxInt64), errNoMemory)
}

// A stopping worker's attempt ends as Interrupted, retried at once and not counted as lost.
func TestWorkerStopInterrupts(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	_, err := l.prepare(s, config.Request{})
	require.NoError(t, err)
	close(l.stops)
	l.fresh()
	// The store answers slowly enough for the stop to be seen before the fit.
	quick := l.root
	l.root = &slow{Store: quick}
	_, err = l.fit(s, "cox_ph", 0, "")
	l.root = quick
	app := requireType(t, err, ErrInterrupted, true)
	require.Equal(t, time.Millisecond, app.NextRetryDelay())
	require.Equal(t, temporal.ApplicationErrorCategoryBenign, app.Category())
	infos, err := l.run().List(t.Context(), artifact.CheckpointsPrefix)
	require.NoError(t, err)
	require.Empty(t, infos, "a clean stop leaves no start record")
}

// slow waits with every List until its context is done.
type slow struct{ store.Store }

func (s *slow) List(ctx context.Context, prefix string) ([]store.Info, error) {
	<-ctx.Done()
	return s.Store.List(context.WithoutCancel(ctx), prefix)
}

// A table that cannot be read is not remembered: the next attempt reads it again.
func TestFailedLoadIsForgotten(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	_, err := l.prepare(s, config.Request{})
	require.NoError(t, err)
	run, _, err := artifact.ReadRun(t.Context(), l.run())
	require.NoError(t, err)
	wrong := run.Data.File
	wrong.Bytes++
	_, err = l.a.tables.get(t.Context(), l.run(), wrong)
	require.ErrorIs(t, err, store.ErrCorrupt)
	_, err = l.a.tables.get(t.Context(), l.run(), run.Data.File)
	require.NoError(t, err)
}

// Heartbeats carry numbers that JSON can hold.
func TestFinite(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		require.Zero(t, finite(v))
	}
	require.Equal(t, 2.5, finite(2.5))
}

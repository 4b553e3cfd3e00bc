package activities

import (
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/store/storetest"
)

// power is a store that is cut off at one of its writes and removals: nothing reaches it any more.
type power struct {
	at    int  // the write; 0: none
	after bool // it took effect; its answer did not arrive

	mu     sync.Mutex
	writes int
	off    bool
}

func (p *power) of(s store.Store) store.Store {
	return &storetest.Faulty{Store: s, Before: p.before, After: p.done}
}

func (p *power) before(op storetest.Op, _ string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.off && (op == storetest.Put || op == storetest.Delete) {
		p.writes++
		p.off = p.writes == p.at && !p.after
	}
	return p.state()
}

func (p *power) done(storetest.Op, string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.off = p.off || p.at > 0 && p.writes >= p.at
	return p.state()
}

func (p *power) state() error {
	if p.off {
		return fmt.Errorf("cut at write %d: %w", p.at, store.ErrUnavailable)
	}
	return nil
}

// endToEnd takes a run from its start to its predictions and says how many folds were fitted.
func (l *lab) endToEnd(s *config.Spec, request config.Request) (fitted int, err error) {
	done, err := l.tryTrain(s, request)
	if err != nil {
		return 0, err
	}
	for _, action := range done {
		if action == Train {
			fitted++
		}
	}
	sum, err := l.trySummarize(s)
	if err != nil {
		return 0, err
	}
	if len(sum.Incomplete) > 0 {
		return 0, fmt.Errorf("incomplete: %v", sum.Incomplete)
	}
	for _, model := range sum.Finals {
		if _, err := l.final(s, model); err != nil {
			return 0, err
		}
	}
	_, err = l.predict(s, sum.Finals[0])
	return fitted, err
}

// untimed are the run's results, blank where they tell times, and nothing of an attempt that ended.
func (l *lab) untimed() map[string]string {
	l.t.Helper()
	out := l.results()
	for key, content := range out {
		require.False(l.t, strings.HasPrefix(key, artifact.CheckpointsPrefix), key)
		if strings.HasSuffix(key, ".json") && key != artifact.ProfileKey {
			out[key] = "" // it has times
		}
		if key != artifact.MetricsKey {
			continue
		}
		rows, err := csv.NewReader(strings.NewReader(content)).ReadAll()
		require.NoError(l.t, err)
		for _, row := range rows[1:] {
			for i, column := range rows[0] {
				if strings.HasSuffix(column, "_seconds") {
					row[i] = ""
				}
			}
		}
		out[key] = fmt.Sprint(rows)
	}
	return out
}

// copied is a store with the same objects.
func copied(t *testing.T, from store.Store) store.Store {
	t.Helper()
	to := storetest.Memory()
	infos, err := from.List(t.Context(), "")
	require.NoError(t, err)
	for _, info := range infos {
		content, _, err := store.ReadAll(t.Context(), from, info.Key, 1<<26)
		require.NoError(t, err)
		_, err = store.PutBytes(t.Context(), to, info.Key, content, store.Condition{})
		require.NoError(t, err)
	}
	return to
}

// A run whose store is cut off at any of its writes, before it or with its answer lost, has the results of the
// undisturbed run once it is started again, and no more: be it new, changed, rescored, or fitted again.
// Started again as it was before the change, it has its former results. What asks for no fit fits nothing.
// EVERFOLD_SOAK cuts at every write, else at some.
func TestPowerCut(t *testing.T) {
	stride := 23
	if os.Getenv("EVERFOLD_SOAK") != "" {
		stride = 1
	}
	source, err := os.ReadFile(veteran)
	require.NoError(t, err)
	fewer := filepath.Join(t.TempDir(), "fewer.csv")
	require.NoError(t, os.WriteFile(fewer, []byte(strings.Join(strings.SplitAfter(string(source), "\n")[:130], "")), 0o600))
	refit := config.Request{RetrainChanged: true}
	for name, change := range map[string]struct {
		set     []string
		request config.Request
		fits    int
	}{
		"new":        {nil, config.Request{}, 6},
		"forced":     {nil, config.Request{Force: []string{"cox_ph"}}, 2},
		"rescored":   {[]string{"metrics.cindex=harrell"}, config.Request{}, 0},
		"setting":    {[]string{"models[0].ties=breslow"}, refit, 2},
		"other data": {[]string{"data.uri=" + fewer}, refit, 6},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.root = storetest.Memory()
			former := l.spec("folds.k=2")
			next := l.spec(append([]string{"folds.k=2"}, change.set...)...)
			var before map[string]string
			if name != "new" {
				_, err := l.endToEnd(former, config.Request{})
				require.NoError(t, err)
				before = l.untimed()
			}
			base := l.root
			undisturbed := &power{}
			l.root = undisturbed.of(copied(t, base))
			l.fresh()
			fitted, err := l.endToEnd(next, change.request)
			require.NoError(t, err)
			require.Equal(t, change.fits, fitted)
			want := l.untimed()
			again := change.request
			again.Force = nil
			for at := 1; at <= undisturbed.writes; at += stride {
				for _, after := range []bool{false, true} {
					cut := &power{at: at, after: after}
					left := copied(t, base)
					l.root = cut.of(left)
					l.fresh()
					_, err := l.endToEnd(next, change.request)
					where := fmt.Sprintf("cut at write %d of %d, after it: %t: %v", at, undisturbed.writes, after, err)
					l.requireAfter(copied(t, left), next, again, want, change.fits, where)
					if name != "new" {
						l.requireAfter(left, former, again, before, change.fits, where+", former spec")
					}
				}
			}
		})
	}
}

// requireAfter starts a run again, in a new process, on what a cut has left.
func (l *lab) requireAfter(left store.Store, s *config.Spec, request config.Request, want map[string]string, fits int, where string) {
	l.t.Helper()
	l.root = left
	l.fresh()
	fitted, err := l.endToEnd(s, request)
	require.NoError(l.t, err, where)
	require.LessOrEqual(l.t, fitted, fits, where)
	got := l.untimed()
	require.Equal(l.t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)), where)
	for key := range want {
		require.Equal(l.t, want[key], got[key], where+": "+key)
	}
}

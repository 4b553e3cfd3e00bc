package crash

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
)

// The phases of a record.
const (
	phaseActivity = "activity" // an attempt of an activity begins
	phaseFit      = "fit"      // a fit really begins: its start record is in the store
	phaseManifest = "manifest" // the store has acknowledged a manifest
	phaseRefused  = "refused"  // the store has refused a manifest
)

// record is one line of the journal: what a watched worker did, in the order of doing.
type record struct {
	Phase    string `json:"phase"`
	Activity string `json:"activity,omitempty"`
	Worker   string `json:"worker"`
	Model    string `json:"model,omitempty"`
	Fold     int    `json:"fold"`
}

func (r record) task() artifact.Task { return artifact.Task{Model: r.Model, Fold: r.Fold} }

// journal appends records to a file outside the store. A record outlives its process when append
// returns; several processes may append. It outlives no machine: a slow disk would hold up the fits,
// and their signs of life.
type journal struct {
	file   *os.File
	worker string
}

func openJournal(path, worker string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return &journal{file: f, worker: worker}, err
}

func (j *journal) append(r record) error {
	r.Worker = j.worker
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = j.file.Write(append(line, '\n'))
	return err
}

// records are the lines of a journal.
type records []record

func readJournal(t *testing.T, path string) records {
	t.Helper()
	content, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	content = content[:bytes.LastIndexByte(content, '\n')+1] // what follows is being written
	var all records
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		var r record
		require.NoError(t, json.Unmarshal(lines.Bytes(), &r), lines.Text())
		all = append(all, r)
	}
	return all
}

// of returns the records of a phase.
func (rs records) of(phase string) records {
	return slices.DeleteFunc(slices.Clone(rs), func(r record) bool { return r.Phase != phase })
}

// tasks returns the folds of the records, in order, with repetitions.
func (rs records) tasks() []artifact.Task {
	tasks := make([]artifact.Task, len(rs))
	for i, r := range rs {
		tasks[i] = r.task()
	}
	return tasks
}

// requireTrainedOnce is the oracle: no fold is fitted again after its manifest was
// acknowledged, and no manifest is acknowledged twice.
func (rs records) requireTrainedOnce(t *testing.T) {
	t.Helper()
	acknowledged := map[artifact.Task]bool{}
	for i, r := range rs {
		if r.Phase == phaseFit || r.Phase == phaseManifest {
			require.False(t, acknowledged[r.task()], "record %d: %s of %s after its manifest", i, r.Phase, r.task())
		}
		if r.Phase == phaseManifest {
			acknowledged[r.task()] = true
		}
	}
}

// requireOneManifestEach: besides, every planned fold has its acknowledged manifest.
func (rs records) requireOneManifestEach(t *testing.T, p plan) {
	t.Helper()
	rs.requireTrainedOnce(t)
	require.ElementsMatch(t, p.tasks(), rs.of(phaseManifest).tasks())
}

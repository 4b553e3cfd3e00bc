package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"everfold/artifact"
	"everfold/bench/process"
)

// measured is what a run took, and what it left.
type measured struct {
	Wall      float64           `json:"wall_seconds"` // of the command, its server's start and end included
	Window    float64           `json:"fits_wall_seconds"`
	Busy      float64           `json:"fits_busy_seconds"` // inside fit and predict, all together
	Idle      float64           `json:"no_fit_seconds"`    // of the window, in which no fit or prediction was going on
	Processes []process.Usage   `json:"processes"`
	Fits      []fit             `json:"fits"`    // folds, then final fits, each in the order in which they began
	Digests   map[string]string `json:"digests"` // of every file that the same run has again
}

// fit is a fold or a final fit. Begin is in Unix seconds: what scoring took is not known from a
// manifest, so that it is late by that.
type fit struct {
	Model   string  `json:"model"`
	Fold    int     `json:"fold"` // −1: the final fit
	Begin   float64 `json:"begin"`
	Seconds float64 `json:"seconds"`
}

func (f fit) end() float64 { return f.Begin + f.Seconds }

// read reads what a run left in its folder.
func read(folder string) (*measured, error) {
	m := &measured{Digests: map[string]string{}}
	if err := m.readFolds(folder); err != nil {
		return nil, err
	}
	if err := m.readFinals(folder); err != nil {
		return nil, err
	}
	var predictions artifact.PredictionsInfo
	if err := readJSON(filepath.Join(folder, artifact.PredictionsInfoKey), &predictions); err != nil {
		return nil, err
	}
	m.digests(predictions.Files...)
	tables, _ := filepath.Glob(filepath.Join(folder, "artifacts", "*.csv")) // the pattern is good
	for _, table := range tables {
		if filepath.Base(table) == filepath.Base(artifact.MetricsKey) {
			continue // it has the seconds of the fits
		}
		content, err := os.ReadFile(table)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		m.Digests["artifacts/"+filepath.Base(table)] = hex.EncodeToString(sum[:])
	}
	m.span()
	return m, nil
}

func (m *measured) digests(files ...artifact.File) {
	for _, f := range files {
		m.Digests[f.Key] = f.SHA256
	}
}

func (m *measured) readFolds(folder string) error {
	manifests, _ := filepath.Glob(filepath.Join(folder, "artifacts", "*", "*_fold*.json"))
	for _, path := range manifests {
		var manifest artifact.Manifest
		if err := readJSON(path, &manifest); err != nil {
			return err
		}
		m.digests(manifest.Files...)
		m.add(manifest.Model, manifest.Fold, manifest.FinishedAt, manifest.FitSeconds+manifest.PredictSeconds)
	}
	if len(m.Fits) == 0 {
		return fmt.Errorf("%s has no complete fold", folder)
	}
	slices.SortFunc(m.Fits, func(a, b fit) int { return cmp.Compare(a.Begin, b.Begin) })
	return nil
}

func (m *measured) readFinals(folder string) error {
	infos, _ := filepath.Glob(filepath.Join(folder, "models", "*", "model.json"))
	folds := len(m.Fits)
	for _, path := range infos {
		var info artifact.ModelInfo
		if err := readJSON(path, &info); err != nil {
			return err
		}
		m.digests(info.File)
		m.add(info.Model, artifact.FinalFold, info.FinishedAt, info.FitSeconds)
	}
	slices.SortFunc(m.Fits[folds:], func(a, b fit) int { return cmp.Compare(a.Begin, b.Begin) })
	return nil
}

func (m *measured) add(model string, fold int, finishedAt int64, seconds float64) {
	m.Fits = append(m.Fits, fit{Model: model, Fold: fold, Begin: float64(finishedAt)/1000 - seconds, Seconds: seconds})
}

// span sums the fits up, and what of the time between the first and the last is covered by none.
func (m *measured) span() {
	fits := slices.SortedFunc(slices.Values(m.Fits), func(a, b fit) int { return cmp.Compare(a.Begin, b.Begin) })
	last := fits[0].Begin
	for _, f := range fits {
		m.Busy += f.Seconds
		m.Idle += max(0, f.Begin-last)
		last = max(last, f.end())
	}
	m.Window = last - fits[0].Begin
}

// longest is the fit that took most.
func (m *measured) longest() fit {
	return slices.MaxFunc(m.Fits, func(a, b fit) int { return cmp.Compare(a.Seconds, b.Seconds) })
}

func (m *measured) cpu() float64 {
	sum := 0.0
	for _, p := range m.Processes {
		sum += p.CPU
	}
	return sum
}

func readJSON(path string, into any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

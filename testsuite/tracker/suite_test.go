package tracker

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/tracker"
	"everfold/tracker/mlflow"
	"everfold/tracker/trackertest"
)

// heldRun is a run as the server tells it.
type heldRun struct {
	Info struct {
		ID     string `json:"run_id"`
		Status string `json:"status"`
		End    int64  `json:"end_time"`
	} `json:"info"`
	Data struct {
		Params, Tags []struct{ Key, Value string }
		Metrics      []struct{ Key string }
	} `json:"data"`
}

// held is what the server holds of active runs of a key, by model.
func (s *mlflowServer) held(t *testing.T, experiment, key string) map[string][]trackertest.Held {
	t.Helper()
	var found struct {
		Experiments []struct {
			ID string `json:"experiment_id"`
		}
	}
	search := map[string]any{"max_results": 10, "filter": fmt.Sprintf("name = '%s'", experiment)}
	s.api(t, http.MethodPost, "experiments/search", nil, search, &found)
	out := map[string][]trackertest.Held{}
	if len(found.Experiments) == 0 {
		return out
	}
	var runs struct{ Runs []heldRun }
	s.api(t, http.MethodPost, "runs/search", nil, map[string]any{
		"experiment_ids": []string{found.Experiments[0].ID}, "max_results": 1000,
		"filter": fmt.Sprintf("tags.`everfold.run_key` = '%s'", key),
	}, &runs)
	for _, r := range runs.Runs {
		h := s.describe(t, r)
		model := h.Tags["everfold.model"]
		out[model] = append(out[model], h)
	}
	return out
}

func (s *mlflowServer) describe(t *testing.T, r heldRun) trackertest.Held {
	t.Helper()
	h := trackertest.Held{ID: r.Info.ID, Status: r.Info.Status, End: r.Info.End,
		Params: map[string]string{}, Tags: map[string]string{}, Files: map[string]int64{}}
	for _, p := range r.Data.Params {
		h.Params[p.Key] = p.Value
	}
	for _, p := range r.Data.Tags {
		h.Tags[p.Key] = p.Value
	}
	h.Parent = h.Tags["mlflow.parentRunId"]
	for _, m := range r.Data.Metrics {
		var history struct {
			Metrics []struct {
				Value           any
				Timestamp, Step int64
			}
		}
		s.api(t, http.MethodGet, "metrics/get-history", url.Values{"run_id": {h.ID}, "metric_key": {m.Key}}, nil, &history)
		for _, p := range history.Metrics {
			value, err := strconv.ParseFloat(fmt.Sprint(p.Value), 64)
			require.NoError(t, err)
			h.Metrics = append(h.Metrics, tracker.Metric{Key: m.Key, Value: value, Timestamp: p.Timestamp, Step: p.Step})
		}
	}
	s.addFiles(t, &h, "")
	return h
}

func (s *mlflowServer) addFiles(t *testing.T, h *trackertest.Held, folder string) {
	t.Helper()
	query := url.Values{"run_id": {h.ID}}
	if folder != "" {
		query.Set("path", folder)
	}
	var list struct {
		Files []struct {
			Path  string `json:"path"`
			IsDir bool   `json:"is_dir"`
			Size  int64  `json:"file_size"`
		}
	}
	s.api(t, http.MethodGet, "artifacts/list", query, nil, &list)
	for _, f := range list.Files {
		if f.IsDir {
			s.addFiles(t, h, f.Path)
			continue
		}
		h.Files[f.Path] = f.Size
	}
}

func (s *mlflowServer) remove(t *testing.T, id string) {
	t.Helper()
	s.api(t, http.MethodPost, "runs/delete", nil, map[string]string{"run_id": id}, &struct{}{})
}

// Claim: the client keeps the tracker's contract on a real server.
func TestContract(t *testing.T) {
	server := shared(t)
	trackertest.Run(t, func(t *testing.T) (trackertest.Subject, string) {
		another := func() tracker.Tracker {
			c, err := mlflow.New(mlflow.Options{URI: server.url})
			require.NoError(t, err)
			return c
		}
		return trackertest.Subject{
			Tracker: another(), Another: another,
			Held: func(d *tracker.Desired) map[string][]trackertest.Held {
				return server.held(t, d.Experiment, d.Key)
			},
			Remove: func(id string) { server.remove(t, id) },
		}, strings.ReplaceAll(t.Name(), "/", ".")
	})
}

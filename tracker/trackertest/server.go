package trackertest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"everfold/tracker"
)

// Server answers the calls of MLflow's API that everfold makes, with its limits, its errors
// and its forgetfulness: params are immutable, points are stored once, deleted runs and
// experiments still answer as such.
type Server struct {
	URL string

	tb          testing.TB
	before      atomic.Pointer[Disturbance]
	mu          sync.Mutex
	experiments []*serverExperiment
	runs        []*serverRun
	requests    []string // method and path
}

// Disturbance sees a request first; true means that it has answered. Several goroutines may
// call it at once.
type Disturbance func(w http.ResponseWriter, r *http.Request) bool

// Disturb puts every request before f from now on; nil ends it.
func (s *Server) Disturb(f Disturbance) { s.before.Store(&f) }

type serverExperiment struct {
	ID        string `json:"experiment_id"`
	Name      string `json:"name"`
	Lifecycle string `json:"lifecycle_stage"`
}

type serverPair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type serverMetric struct {
	Key       string          `json:"key"`
	Value     json.RawMessage `json:"value"`
	Timestamp int64           `json:"timestamp"`
	Step      int64           `json:"step"`
}

type serverRun struct {
	id, experiment string
	status         string
	deleted        bool
	start, end     int64
	params, tags   []serverPair
	metrics        []serverMetric
	files          map[string][]byte
}

// NewServer starts a server that ends with the test.
func NewServer(tb testing.TB) *Server {
	s := &Server{tb: tb}
	h := httptest.NewServer(s)
	tb.Cleanup(h.Close)
	s.URL = h.URL
	return s
}

// Requests are the calls so far, such as "POST runs/log-batch".
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Forget drops everything, as a database that was replaced has.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.experiments, s.runs = nil, nil
}

// DeleteExperiments marks all experiments and their runs as deleted.
func (s *Server) DeleteExperiments() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.experiments {
		e.Lifecycle = "deleted"
	}
	for _, r := range s.runs {
		r.deleted = true
	}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f := s.before.Load(); f != nil && *f != nil && (*f)(w, r) {
		return
	}
	s.Answer(w, r)
}

// Answer is ServeHTTP undisturbed.
func (s *Server) Answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/api/2.0/"), "mlflow/")
	s.requests = append(s.requests, r.Method+" "+path)
	if target, ok := strings.CutPrefix(path, "mlflow-artifacts/artifacts/"); ok && r.Method == http.MethodPut {
		s.put(w, r, target)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		refuse(w, 400, "INVALID_PARAMETER_VALUE", "Batched logging API requests must be at most 1048576 bytes in size.")
		return
	}
	handle := map[string]func(http.ResponseWriter, *http.Request, []byte){
		"GET experiments/get-by-name": s.getExperiment, "POST experiments/create": s.createExperiment,
		"POST runs/create": s.createRun, "POST runs/search": s.search, "POST runs/delete": s.delete,
		"POST runs/update": s.update, "POST runs/log-batch": s.logBatch, "POST runs/set-tag": s.setTag,
		"GET metrics/get-history": s.history, "GET artifacts/list": s.list,
	}[r.Method+" "+path]
	if handle == nil {
		http.Error(w, "<!doctype html><title>404 Not Found</title>", http.StatusNotFound)
		return
	}
	handle(w, r, body)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error_code": code, "message": message})
}

func (s *Server) getExperiment(w http.ResponseWriter, r *http.Request, _ []byte) {
	for _, e := range s.experiments {
		if e.Name == r.URL.Query().Get("experiment_name") {
			answer(w, map[string]any{"experiment": e})
			return
		}
	}
	refuse(w, 404, "RESOURCE_DOES_NOT_EXIST", "Could not find experiment")
}

func (s *Server) createExperiment(w http.ResponseWriter, _ *http.Request, body []byte) {
	var in struct{ Name string }
	s.decode(body, &in)
	for _, e := range s.experiments {
		if e.Name == in.Name {
			refuse(w, 400, "RESOURCE_ALREADY_EXISTS", "Experiment already exists")
			return
		}
	}
	e := &serverExperiment{fmt.Sprint(len(s.experiments) + 1), in.Name, "active"}
	s.experiments = append(s.experiments, e)
	answer(w, map[string]string{"experiment_id": e.ID})
}

func (s *Server) createRun(w http.ResponseWriter, _ *http.Request, body []byte) {
	var in struct {
		Experiment string       `json:"experiment_id"`
		Name       string       `json:"run_name"`
		Start      int64        `json:"start_time"`
		Tags       []serverPair `json:"tags"`
	}
	s.decode(body, &in)
	for _, t := range in.Tags {
		if t.Key == "mlflow.runName" && t.Value != in.Name {
			refuse(w, 400, "INVALID_PARAMETER_VALUE", "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values")
			return
		}
	}
	r := &serverRun{
		id: fmt.Sprintf("%032d", len(s.runs)+1), experiment: in.Experiment, status: "RUNNING", start: in.Start,
		tags: in.Tags, files: map[string][]byte{},
	}
	s.runs = append(s.runs, r)
	answer(w, map[string]any{"run": s.describe(r)})
}

func (s *Server) describe(r *serverRun) map[string]any {
	latest := map[string]serverMetric{}
	for _, m := range r.metrics {
		if have, ok := latest[m.Key]; !ok || m.Step > have.Step || m.Step == have.Step && m.Timestamp >= have.Timestamp {
			latest[m.Key] = m
		}
	}
	metrics := []serverMetric{}
	for _, m := range latest {
		metrics = append(metrics, m)
	}
	info := map[string]any{
		"run_id": r.id, "status": r.status, "start_time": r.start, "experiment_id": r.experiment,
		"artifact_uri": fmt.Sprintf("mlflow-artifacts:/%s/%s/artifacts", r.experiment, r.id), "lifecycle_stage": "active",
	}
	if r.end > 0 {
		info["end_time"] = r.end
	}
	return map[string]any{"info": info, "data": map[string]any{"tags": r.tags, "params": r.params, "metrics": metrics}}
}

var filterForm = regexp.MustCompile("^tags\\.`([^`]+)` = '([^']*)'$")

func (s *Server) search(w http.ResponseWriter, _ *http.Request, body []byte) {
	var in struct {
		Experiments []string `json:"experiment_ids"`
		Filter      string   `json:"filter"`
		Token       string   `json:"page_token"`
	}
	s.decode(body, &in)
	m := filterForm.FindStringSubmatch(in.Filter)
	if m == nil {
		refuse(w, 400, "INVALID_PARAMETER_VALUE", "filter")
		return
	}
	var found []any
	for _, r := range s.runs {
		if !r.deleted && slices.Contains(in.Experiments, r.experiment) && valueOf(r.tags, m[1]) == m[2] {
			found = append(found, s.describe(r))
		}
	}
	const page = 2 // so that every search of a run has pages
	at := 0
	if _, err := fmt.Sscan(in.Token, &at); in.Token != "" && err != nil {
		refuse(w, 400, "INVALID_PARAMETER_VALUE", "page_token")
		return
	}
	out := map[string]any{"runs": found[min(at, len(found)):min(at+page, len(found))]}
	if at+page < len(found) {
		out["next_page_token"] = fmt.Sprint(at + page)
	}
	answer(w, out)
}

// find returns an active run, or answers why there is none.
func (s *Server) find(w http.ResponseWriter, id string) *serverRun {
	for _, r := range s.runs {
		switch {
		case r.id != id:
		case r.deleted:
			refuse(w, 400, "INVALID_PARAMETER_VALUE", "The run "+id+" must be in the 'active' state. Current state is deleted.")
			return nil
		default:
			return r
		}
	}
	refuse(w, 404, "RESOURCE_DOES_NOT_EXIST", "Run with id="+id+" not found")
	return nil
}

func (s *Server) delete(w http.ResponseWriter, _ *http.Request, body []byte) {
	var in struct {
		ID string `json:"run_id"`
	}
	s.decode(body, &in)
	if r := s.find(w, in.ID); r != nil {
		r.deleted = true
		answer(w, struct{}{})
	}
}

func (s *Server) update(w http.ResponseWriter, _ *http.Request, body []byte) {
	var in struct {
		ID     string `json:"run_id"`
		Status string `json:"status"`
		End    int64  `json:"end_time"`
	}
	s.decode(body, &in)
	if r := s.find(w, in.ID); r != nil {
		r.status, r.end = in.Status, cmp.Or(in.End, r.end)
		answer(w, struct{}{})
	}
}

func (s *Server) setTag(w http.ResponseWriter, _ *http.Request, body []byte) {
	var in struct {
		ID string `json:"run_id"`
		serverPair
	}
	s.decode(body, &in)
	if r := s.find(w, in.ID); r != nil {
		r.tags = set(r.tags, in.serverPair)
		answer(w, struct{}{})
	}
}

func (s *Server) logBatch(w http.ResponseWriter, _ *http.Request, body []byte) {
	var in struct {
		ID      string         `json:"run_id"`
		Metrics []serverMetric `json:"metrics"`
		Params  []serverPair   `json:"params"`
		Tags    []serverPair   `json:"tags"`
	}
	s.decode(body, &in)
	if len(in.Params) > 100 || len(in.Tags) > 100 || len(in.Metrics)+len(in.Params)+len(in.Tags) > 1000 {
		refuse(w, 400, "INVALID_PARAMETER_VALUE", "a batch logging request can contain at most …")
		return
	}
	r := s.find(w, in.ID)
	if r == nil {
		return
	}
	for _, p := range in.Params { // as the server does: what comes before a conflict stays
		for _, have := range r.params {
			if have.Key == p.Key && have.Value != p.Value {
				refuse(w, 400, "INVALID_PARAMETER_VALUE", "Changing param values is not allowed.")
				return
			}
		}
		r.params = set(r.params, p)
	}
	for _, m := range in.Metrics {
		same := func(o serverMetric) bool {
			return o.Key == m.Key && o.Step == m.Step && o.Timestamp == m.Timestamp && string(o.Value) == string(m.Value)
		}
		if !slices.ContainsFunc(r.metrics, same) {
			r.metrics = append(r.metrics, m)
		}
	}
	for _, t := range in.Tags {
		r.tags = set(r.tags, t)
	}
	answer(w, struct{}{})
}

func set(pairs []serverPair, p serverPair) []serverPair {
	out := slices.Clone(pairs)
	for i := range out {
		if out[i].Key == p.Key {
			out[i] = p
			return out
		}
	}
	return append(out, p)
}

func valueOf(pairs []serverPair, key string) string {
	for _, p := range pairs {
		if p.Key == key {
			return p.Value
		}
	}
	return ""
}

func (s *Server) history(w http.ResponseWriter, r *http.Request, _ []byte) {
	found := s.find(w, r.URL.Query().Get("run_id"))
	if found == nil {
		return
	}
	const page = 100
	at := 0
	if token := r.URL.Query().Get("page_token"); token != "" {
		if _, err := fmt.Sscan(token, &at); err != nil {
			refuse(w, 400, "INVALID_PARAMETER_VALUE", "page_token")
			return
		}
	}
	var all []serverMetric
	for _, m := range found.metrics {
		if m.Key == r.URL.Query().Get("metric_key") {
			all = append(all, m)
		}
	}
	out := map[string]any{"metrics": all[min(at, len(all)):min(at+page, len(all))]}
	if at+page < len(all) {
		out["next_page_token"] = fmt.Sprint(at + page)
	}
	answer(w, out)
}

func (s *Server) list(w http.ResponseWriter, r *http.Request, _ []byte) {
	found := s.find(w, r.URL.Query().Get("run_id"))
	if found == nil {
		return
	}
	prefix := r.URL.Query().Get("path")
	if prefix != "" {
		prefix += "/"
	}
	type file struct {
		Path  string `json:"path"`
		IsDir bool   `json:"is_dir"`
		Size  int    `json:"file_size,omitempty"`
	}
	var files []file
	for path, content := range found.files {
		if rest, ok := strings.CutPrefix(path, prefix); ok && !strings.Contains(rest, "/") {
			files = append(files, file{path, false, len(content)})
		}
	}
	answer(w, map[string]any{"files": files})
}

func (s *Server) put(w http.ResponseWriter, r *http.Request, target string) {
	content, err := io.ReadAll(r.Body)
	parts := strings.SplitN(target, "/", 4) // experiment, run, "artifacts", path
	if err != nil || len(parts) != 4 {
		http.Error(w, "bad upload", http.StatusBadRequest)
		return
	}
	for _, run := range s.runs {
		if run.id == parts[1] {
			run.files[parts[3]] = content
		}
	}
	w.WriteHeader(http.StatusOK) // with an empty body, as newer servers
}

// File is the content of a file of some active run; nil where none has it.
func (s *Server) File(path string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.runs {
		if content := r.files[path]; content != nil && !r.deleted {
			return content
		}
	}
	return nil
}

// Remove deletes a run, as somebody in the UI does.
func (s *Server) Remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.runs {
		r.deleted = r.deleted || r.id == id
	}
}

// Held is what the server holds of active runs, by the tag that names their model.
func (s *Server) Held(keyTag, key, modelTag string) map[string][]Held {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string][]Held{}
	for _, r := range s.runs {
		if r.deleted || valueOf(r.tags, keyTag) != key {
			continue
		}
		h := Held{ID: r.id, Status: r.status, End: r.end, Parent: valueOf(r.tags, "mlflow.parentRunId"),
			Params: map[string]string{}, Tags: map[string]string{}, Files: map[string]int64{}}
		for _, p := range r.params {
			h.Params[p.Key] = p.Value
		}
		for _, p := range r.tags {
			h.Tags[p.Key] = p.Value
		}
		for path, content := range r.files {
			h.Files[path] = int64(len(content))
		}
		for _, m := range r.metrics {
			h.Metrics = append(h.Metrics, tracker.Metric{Key: m.Key, Value: valueOfMetric(m.Value), Timestamp: m.Timestamp, Step: m.Step})
		}
		out[h.Tags[modelTag]] = append(out[h.Tags[modelTag]], h)
	}
	return out
}

func (s *Server) decode(body []byte, into any) {
	if err := json.Unmarshal(body, into); err != nil {
		s.tb.Errorf("trackertest: a body that is not JSON: %v", err)
	}
}

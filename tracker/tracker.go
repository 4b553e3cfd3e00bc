// Package tracker is the contract of an experiment tracker, a server that shows runs to
// people. It is a projection: callers say what the server should hold of one run, as derived
// from the run's manifests, and an implementation compares that with what it holds and
// sends the difference. So a tracker may be down, or lose everything, at any time: the next
// Sync that succeeds makes it whole, from nothing but the desired state.
//
// What is desired is only ever added: no Sync removes a number, a file or a run, but for
// younger duplicates of the run itself, which a race of two first syncs may leave.
//
// Preconditions: the key of a run is its identity for ever; a number of a run never changes
// under equal (key, step, timestamp).
//
// Every implementation passes the conformance suite in tracker/trackertest. Non-goals:
// retrying, budgets and deciding what is desired, which are the caller's.
package tracker

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Status is how a tracked run stands.
type Status string

// The statuses. Unknown leaves a run as it is on the server; one that is new there becomes
// Killed, since whoever asks does not know that anybody works on it.
const (
	Unknown  Status = ""
	Running  Status = "RUNNING"
	Finished Status = "FINISHED"
	Failed   Status = "FAILED"
	Killed   Status = "KILLED"
)

// Metric is one point. NaN and infinities are allowed; what is undefined is left out.
type Metric struct {
	Key       string
	Value     float64
	Timestamp int64 // Unix milliseconds
	Step      int64
}

// Node is a tracked run, or one nested in it.
type Node struct {
	Model   string // of a nested run; "" for the run itself
	Name    string // given when it is created
	Status  Status
	Params  map[string]string // logged once; another value later becomes the tag ChangedTag + key
	Tags    map[string]string
	Metrics []Metric
}

// ChangedTag begins the names of tags that hold a parameter's present value where the server
// holds an older one, which it does not let go.
const ChangedTag = "everfold.changed."

// File is a file to be kept with the run.
type File struct {
	Path   string // slash-separated, below the run's own folder
	SHA256 string
	Size   int64
	Open   func(ctx context.Context) (io.ReadCloser, error)
}

// Desired is everything that the server should hold of one run.
type Desired struct {
	Key        string // the run's identity; on the server a tag of the run and of all nested ones
	Experiment string
	Started    int64 // Unix milliseconds
	Ended      int64 // Unix milliseconds; used with a status that is an end
	Run        Node
	Models     []Node
	Files      []File
}

// Report says what a Sync sent, or what a Compare found missing.
type Report struct {
	RunID     string   `json:"run_id,omitempty"`
	URL       string   `json:"url,omitempty"` // of the run, for people
	Runs      int      `json:"runs"`          // created, nested ones included
	Params    int      `json:"params"`
	Tags      int      `json:"tags"`
	Metrics   int      `json:"metrics"`
	Files     int      `json:"files"`
	Statuses  int      `json:"statuses"`
	Conflicts []string `json:"conflicts,omitempty"` // parameters that the server holds otherwise
	Notes     []string `json:"notes,omitempty"`     // what cannot be sent there, and why; nothing is wrong
}

// Total counts everything; 0: the server holds what is desired.
func (r *Report) Total() int {
	return r.Runs + r.Params + r.Tags + r.Metrics + r.Files + r.Statuses
}

// Options are the settings of a Sync.
type Options struct {
	// Trust believes what this process has read from the server or sent to it before, as
	// long as nothing contradicts it. Without, everything is read again.
	Trust bool
}

// Tracker is a tracking server. All methods are safe for concurrent use, also by several
// processes, and honour ctx. Errors are *Error, or wrap ctx's.
type Tracker interface {
	// URI names the server for people, without credentials.
	URI() string
	// Probe says whether runs could be tracked now, by a call that needs the same
	// credentials as any other. It changes nothing.
	Probe(ctx context.Context, experiment string) error
	// Compare says what the server lacks of d. It changes nothing.
	Compare(ctx context.Context, d *Desired) (*Report, error)
	// Sync brings the server in line with d. It may be repeated at any time, after any
	// failure and beside another Sync of the same run: there is one run of a key, every
	// point once. After an error everything that was sent stays sent.
	Sync(ctx context.Context, d *Desired, o Options) (*Report, error)
}

// Kind says what a caller can do about an Error.
type Kind string

// The kinds.
const (
	Unavailable Kind = "unavailable"           // no answer, a broken one, or a fault of the server: later it may work
	Busy        Kind = "busy"                  // it asks for patience, see RetryAfter
	Gone        Kind = "gone"                  // the run was removed during the call; the next Sync makes it anew
	Refused     Kind = "refused"               // credentials, permissions or the server's host check
	NotTracker  Kind = "not a tracking server" // something else answers there
	Rejected    Kind = "rejected"              // the server understood, and does not take it
	Settings    Kind = "settings"              // the address or the credentials cannot be used
)

// Error is why a tracker did not do what it was asked. Its text holds no credentials.
type Error struct {
	Kind       Kind
	Op         string // such as "runs/log-batch"
	Text       string
	RetryAfter time.Duration // asked for by the server; 0: nothing said
	Err        error         // the cause, where it is one of this program
}

// Error is "runs/log-batch: unavailable: …".
func (e *Error) Error() string {
	if e.Op == "" {
		return fmt.Sprintf("tracker: %s: %s", e.Kind, e.Text)
	}
	return fmt.Sprintf("tracker: %s: %s: %s", e.Op, e.Kind, e.Text)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Retryable says that the same call may succeed a moment later.
func (e *Error) Retryable() bool {
	return e.Kind == Unavailable || e.Kind == Busy || e.Kind == Gone
}

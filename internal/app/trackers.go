package app

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"everfold/config"
	"everfold/tracker"
	"everfold/tracker/mlflow"
)

// Names of the environment variables that MLflow's own clients read.
const (
	envTrackingURI = "MLFLOW_TRACKING_URI"
	envUsername    = "MLFLOW_TRACKING_USERNAME"
	envPassword    = "MLFLOW_TRACKING_PASSWORD"
	envToken       = "MLFLOW_TRACKING_TOKEN"
	envInsecure    = "MLFLOW_TRACKING_INSECURE_TLS"
	envCA          = "MLFLOW_TRACKING_SERVER_CERT_PATH"
	envClientCert  = "MLFLOW_TRACKING_CLIENT_CERT_PATH"
	envWorkspace   = "MLFLOW_WORKSPACE"
)

// Trackers opens the tracking servers that specs name, and keeps those used last. Addresses given by name
// and all credentials come from the environment. The zero value reads the process's own;
// safe for concurrent use.
type Trackers struct {
	Getenv func(name string) string // nil: os.Getenv
	Allow  Allowed                  // which servers may be called
	// Tell lets addresses from the environment be shown. Workers leave it out: what they say
	// ends up in histories and logs.
	Tell bool

	mu   sync.Mutex
	open recent[config.Tracker, tracker.Tracker]
}

// Open returns the tracker that c describes, nil where neither the spec nor the environment
// names one. It calls nobody. Errors are *tracker.Error.
func (t *Trackers) Open(c config.Tracker) (tracker.Tracker, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open.get(c, func() (tracker.Tracker, error) { return t.connect(c) })
}

func (t *Trackers) connect(c config.Tracker) (tracker.Tracker, error) {
	if text := t.Allow.trackerProblem(c, t.getenv); text != "" {
		return nil, unusable("tracker.uri: " + text)
	}
	options, err := t.options(c)
	if err != nil || options.URI == "" {
		return nil, err
	}
	made, err := mlflow.New(options)
	if err != nil {
		return nil, err
	}
	return made, nil
}

func (t *Trackers) getenv(name string) string {
	if t.Getenv == nil {
		return os.Getenv(name)
	}
	return t.Getenv(name)
}

// options resolves names. Credentials go to the server of MLFLOW_TRACKING_URI, by whatever name:
// a spec, which anybody may have written, cannot send them elsewhere, nor to what another
// variable happens to hold. Of any other server its address is looked at.
func (t *Trackers) options(c config.Tracker) (mlflow.Options, error) {
	o := mlflow.Options{URI: c.URI, Timeout: c.Timeout.Std()}
	configured := t.getenv(envTrackingURI)
	name, isName := strings.CutPrefix(strings.TrimSuffix(c.URI, "}"), "${")
	switch {
	case c.Off(), c.URI == "" && configured == "":
		return mlflow.Options{}, nil
	case c.URI == "":
		name, isName = envTrackingURI, true
	}
	if isName {
		o.URI = t.getenv(name)
		if !t.Tell {
			o.Name = "$" + name
		}
		if o.URI == "" {
			return o, unusable("the spec's tracker.uri names the environment variable " + name + ", which the worker does not have")
		}
	}
	if !sameServer(o.URI, configured) {
		o.Control = refuseReserved
		o.Proxy = guardedProxies(isName || len(t.Allow.Hosts) > 0).choose
		return o, nil
	}
	o.Username, o.Password, o.Token = t.getenv(envUsername), t.getenv(envPassword), t.getenv(envToken)
	o.Workspace = t.getenv(envWorkspace)
	return o, t.addTLS(&o)
}

// oursByName says that a variable is there for MLflow or everfold.
func oursByName(name string) bool {
	return strings.HasPrefix(name, "MLFLOW_") || strings.HasPrefix(name, "EVERFOLD_")
}

func (t *Trackers) addTLS(o *mlflow.Options) error {
	if text := t.getenv(envInsecure); text != "" {
		insecure, err := strconv.ParseBool(text)
		if err != nil {
			return unusable(envInsecure + " is neither true nor false")
		}
		o.InsecureTLS = insecure
	}
	for name, into := range map[string]*[]byte{envCA: &o.CA, envClientCert: &o.ClientPEM} {
		path := t.getenv(name)
		if path == "" {
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			var what *os.PathError
			if errors.As(err, &what) {
				err = what.Err // without the path
			}
			return unusable(fmt.Sprintf("%s: the file that it names cannot be read: %v", name, err))
		}
		*into = content
	}
	return nil
}

func unusable(text string) error { return &tracker.Error{Kind: tracker.Settings, Text: text} }

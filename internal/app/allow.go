package app

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"everfold/config"
	"everfold/logging"
	"everfold/store/s3"
)

// Allowed says which places and hosts a spec may name. Whoever can start a run writes into its
// spec what they like, and the worker does it with the worker's rights; so one that serves
// others is told what it may do for them. The zero value allows everything, as is right for a
// worker that serves the user who started it.
type Allowed struct {
	Data  []string // folders, s3://bucket and s3://bucket/folder that data may be read from; nil: any
	Store []string // likewise, that runs may be kept in; nil: any
	Hosts []string // of trackers and S3 endpoints: host, host:port, *.domain; NoHosts; nil: any
}

// NoHosts, as the only entry of Allowed.Hosts, allows none but those that the worker's own
// environment names.
const NoHosts = "none"

// Check refuses, with a *config.Error, a spec that names what is not allowed. Nothing is looked
// at for it, neither files nor names of hosts: what is outside stays unknown.
func (a Allowed) Check(s *config.Spec) error {
	found := &config.Error{}
	for _, l := range []struct{ key, uri string }{
		{"data.uri", s.Data.URI}, {"folds.file", s.Folds.File}, {"final.data", s.Final.Data},
	} {
		if l.uri != "" && !a.reads(l.uri) {
			found.Problems = append(found.Problems, config.Problem{Path: l.key, Text: outside(l.uri, "read", "--allow-data", a.Data)})
		}
	}
	found.Problems = append(found.Problems, a.storeProblems(s.Store)...)
	if text := a.trackerProblem(s.Tracker, os.Getenv); text != "" {
		found.Problems = append(found.Problems, config.Problem{Path: "tracker.uri", Text: text})
	}
	if len(found.Problems) == 0 {
		return nil
	}
	return found
}

func outside(what, does, flag string, allowed []string) string {
	return fmt.Sprintf("%s is outside of what this worker may %s; allowed: %s (%s)", what, does, strings.Join(allowed, ", "), flag)
}

// reads says whether a data file may be read. A URI that nothing could be read from is left to
// the opener, which says what is wrong with it.
func (a Allowed) reads(uri string) bool {
	if len(a.Data) == 0 {
		return true
	}
	if strings.HasPrefix(uri, s3.Scheme) {
		return holdsObject(a.Data, uri)
	}
	path, err := dataPath(uri)
	if err != nil {
		return true
	}
	_, _, ok := holding(a.Data, path)
	return ok
}

// storeProblems are what is wrong with the place and the host of a store.
func (a Allowed) storeProblems(c config.Store) []config.Problem {
	var found []config.Problem
	if len(a.Store) > 0 && !a.keeps(c.URI) {
		found = append(found, config.Problem{Path: "store.uri", Text: outside(c.URI, "write", "--allow-store", a.Store)})
	}
	if c.Endpoint != "" && !a.calls(c.Endpoint, os.Getenv, endpointVariables...) {
		found = append(found, config.Problem{Path: "store.endpoint", Text: outside(c.Endpoint, "call", "--allow-host", a.Hosts)})
	}
	return found
}

func (a Allowed) keeps(uri string) bool {
	if strings.HasPrefix(uri, s3.Scheme) {
		return holdsObject(a.Store, strings.TrimRight(uri, "/")+"/x")
	}
	_, _, ok := a.storeFolder(uri)
	return ok
}

// storeFolder is the allowed folder that a local store is in, and the way from there. Stores are
// opened there and nowhere else, so whatever this cannot place is refused.
func (a Allowed) storeFolder(uri string) (root, rest string, ok bool) {
	path, err := dataPath(uri)
	if err != nil {
		return "", "", false
	}
	return holding(a.Store, path)
}

// trackerProblem says why the server of a tracker may not be called, or "". Names of variables
// that are there for MLflow or everfold are the operator's own word.
func (a Allowed) trackerProblem(c config.Tracker, getenv func(string) string) string {
	if len(a.Hosts) == 0 || c.URI == "" || c.Off() {
		return ""
	}
	if name, isName := strings.CutPrefix(strings.TrimSuffix(c.URI, "}"), "${"); isName {
		if oursByName(name) {
			return ""
		}
		return fmt.Sprintf("%s is not a variable for trackers; allowed: ${MLFLOW_…} and ${EVERFOLD_…} (--allow-host)", c.URI)
	}
	if a.calls(c.URI, getenv, envTrackingURI) {
		return ""
	}
	return outside(c.URI, "call", "--allow-host", a.Hosts)
}

// calls says whether the host of an address may be called: it is allowed, or it is the server
// that one of the variables names.
func (a Allowed) calls(address string, getenv func(string) string, variables ...string) bool {
	if len(a.Hosts) == 0 {
		return true
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	if ownServer(address, getenv, variables...) {
		return true
	}
	host := canonicalHost(u.Hostname())
	port := portOf(u)
	return slices.ContainsFunc(a.Hosts, func(entry string) bool {
		name, only, err := net.SplitHostPort(entry)
		if err != nil { // no port
			name, only = entry, port
		}
		if domain, any := strings.CutPrefix(name, "*"); any {
			return only == port && strings.HasSuffix(host, canonicalHost(domain))
		}
		return only == port && entry != NoHosts && canonicalHost(name) == host
	})
}

// endpointVariables name the S3 server of the worker's own environment.
var endpointVariables = []string{"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}

// ownServer says whether an address is of the server that one of the variables names.
func ownServer(address string, getenv func(string) string, variables ...string) bool {
	return slices.ContainsFunc(variables, func(name string) bool { return sameServer(address, getenv(name)) })
}

// sameServer says that two addresses name one server, by the same scheme.
func sameServer(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && x.Host != "" && x.Scheme == y.Scheme &&
		canonicalHost(x.Hostname()) == canonicalHost(y.Hostname()) && portOf(x) == portOf(y)
}

// portOf is the port that an address names, if only by its scheme.
func portOf(u *url.URL) string {
	return cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
}

func canonicalHost(name string) string {
	return strings.ToLower(strings.Trim(strings.TrimSuffix(name, "."), "[]"))
}

// holding finds the folder among the places that a path is in, and the path from there.
func holding(places []string, path string) (folder, rest string, ok bool) {
	for _, place := range places {
		if strings.HasPrefix(place, s3.Scheme) {
			continue
		}
		if rest, err := filepath.Rel(place, path); err == nil && filepath.IsLocal(rest) {
			return place, rest, true
		}
	}
	return "", "", false
}

// holdsObject says whether s3://bucket/key is in one of the places. S3 itself takes dots in a
// key for what they are; a server that keeps objects in folders may follow them.
func holdsObject(places []string, uri string) bool {
	for element := range strings.SplitSeq(strings.TrimPrefix(uri, s3.Scheme), "/") {
		plain, err := url.PathUnescape(element)
		if err != nil {
			plain = element
		}
		if plain == "." || plain == ".." || strings.ContainsAny(plain, "/\\\x00") {
			return false
		}
	}
	return slices.ContainsFunc(places, func(place string) bool {
		return strings.HasPrefix(place, s3.Scheme) && strings.HasPrefix(uri, strings.TrimRight(place, "/")+"/")
	})
}

// Validate returns ErrWorkerOptions where an entry could allow nothing, or not what it says.
func (a Allowed) Validate() error {
	for _, list := range []struct {
		flag   string
		places []string
	}{{"--allow-data", a.Data}, {"--allow-store", a.Store}} {
		for _, place := range list.places {
			bucket, isS3 := strings.CutPrefix(place, s3.Scheme)
			switch {
			case isS3 && (bucket == "" || !holdsObject([]string{place}, strings.TrimRight(place, "/")+"/x")):
				return fmt.Errorf("%w: %s %s: want s3://bucket or s3://bucket/folder", ErrWorkerOptions, list.flag, place)
			case !isS3 && !filepath.IsAbs(place):
				return fmt.Errorf("%w: %s %s: want an absolute folder, s3://bucket or s3://bucket/folder", ErrWorkerOptions, list.flag, place)
			}
		}
	}
	for _, entry := range a.Hosts {
		bare := strings.TrimPrefix(entry, "*.")
		if bare == "" || strings.ContainsAny(bare, "/*@?# ") || entry == NoHosts && len(a.Hosts) > 1 {
			return fmt.Errorf("%w: --allow-host %s: want host, host:port or *.domain, or %s alone", ErrWorkerOptions, entry, NoHosts)
		}
	}
	return nil
}

// tell says at the start what specs may name, where that is not everything, and warns of what
// is left open beside it.
func (a Allowed) tell(log *slog.Logger) {
	open := []string{}
	for _, l := range []struct {
		flag    string
		entries []string
	}{{"--allow-data", a.Data}, {"--allow-store", a.Store}, {"--allow-host", a.Hosts}} {
		if len(l.entries) == 0 {
			open = append(open, l.flag)
		}
	}
	switch len(open) {
	case 3:
		return
	case 0:
	default:
		log.Warn("specs are limited in part only: without "+strings.Join(open, " and ")+" they may name anything there",
			logging.CategoryConfig.Attr())
	}
	log.Info("specs may name these alone", "data", a.Data, "stores", a.Store, "hosts", a.Hosts)
}

package config

import (
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

// Schemes of data and store URIs.
const (
	schemeFile = "file://"
	schemeS3   = "s3://"
)

// encryptionKMS begins the words of store.encryption that take a key.
const encryptionKMS = "aws:kms"

var environmentName = regexp.MustCompile(`^\$\{[A-Za-z_][A-Za-z0-9_]*\}$`)

// None of the messages below quotes the URI: what is wrong with it may be a password.

func filePath(what string) rule {
	return rule{secret: true, text: &textRule{what: what, valid: checkLocation}}
}

func dataURI() rule {
	return rule{secret: true, text: &textRule{
		what:    "a path, file:// or s3:// URI ending in .csv, .csv.gz or .parquet",
		pattern: dataFile,
		valid:   checkLocation,
	}}
}

func storeURI() rule {
	return rule{secret: true, text: &textRule{
		what:  "DIR, file://DIR or s3://bucket/prefix",
		valid: checkLocation,
	}}
}

func endpointURL() rule {
	return rule{secret: true, text: &textRule{what: "an http:// or https:// URL", valid: checkHTTP}}
}

func trackerURI() rule {
	what := `an http:// or https:// URL, or ${NAME} of a worker environment variable`
	return rule{secret: true, words: []string{trackerOff}, text: &textRule{what: what, valid: func(s string) string {
		if environmentName.MatchString(s) {
			return ""
		}
		return checkHTTP(s)
	}}}
}

// checkLocation accepts paths, file:// with a path, and s3:// with a bucket.
func checkLocation(s string) string {
	if strings.ContainsRune(s, 0) {
		return "holds a NUL character"
	}
	scheme, rest, found := strings.Cut(s, "://")
	if !found {
		return ""
	}
	host, _, _ := strings.Cut(rest, "/")
	switch {
	case strings.Contains(host, "@"):
		return "holds a user or password; credentials come from the worker's environment"
	case scheme+"://" == schemeFile && rest == "":
		return "file:// without a path"
	case scheme+"://" == schemeFile:
		return ""
	case scheme+"://" == schemeS3:
		if host == "" {
			return "s3:// without a bucket; want s3://bucket/prefix"
		}
		return ""
	default:
		return "this scheme is not supported; want a path, file:// or s3://"
	}
}

func checkHTTP(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return "not a URL of the form http://host or https://host"
	case u.User != nil:
		return "holds a user or password; credentials come from the worker's environment"
	}
	return ""
}

// LocalPath is the path of a location on this file system: "dir" and "file://dir" give
// "dir". It is false for s3:// and every other scheme.
func LocalPath(uri string) (string, bool) {
	if rest, ok := strings.CutPrefix(uri, schemeFile); ok {
		return rest, true
	}
	return uri, !strings.Contains(uri, "://")
}

// ResolvePaths makes the relative paths of the spec (data.uri, folds.file, final.data,
// store.uri) absolute against dir, the folder of the spec file; s3:// stays as it is.
// It panics where dir is not absolute.
func (s *Spec) ResolvePaths(dir string) {
	if !filepath.IsAbs(dir) {
		panic("config: ResolvePaths: dir is not absolute")
	}
	for _, l := range s.locations() {
		p, local := LocalPath(*l.uri)
		if *l.uri == "" || !local || filepath.IsAbs(p) {
			continue
		}
		absolute := filepath.Join(dir, p)
		if strings.HasPrefix(*l.uri, schemeFile) {
			absolute = schemeFile + absolute
		}
		*l.uri = absolute
	}
}

// CheckAbsolute refuses relative paths with an *Error: a worker has no folder to resolve
// them against.
func (s *Spec) CheckAbsolute() error {
	var found problems
	for _, l := range s.locations() {
		if p, local := LocalPath(*l.uri); *l.uri != "" && local && !filepath.IsAbs(p) {
			found.add(l.key, nil, "a relative path; a worker takes absolute paths and s3:// only (starter resolves them)")
		}
	}
	return found.err("")
}

type location struct {
	key string
	uri *string
}

func (s *Spec) locations() []location {
	return []location{
		{"data.uri", &s.Data.URI},
		{"folds.file", &s.Folds.File},
		{"final.data", &s.Final.Data},
		{"store.uri", &s.Store.URI},
	}
}

package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// FromEnvironment returns the options of a starter whose executable is starter (see
// os.Executable) and whose environment is env (see os.Environ): the home folder from
// EVERFOLD_HOME, else ~/.everfold; the temporal program from EVERFOLD_TEMPORAL, else beside
// the starter, else on PATH; the worker beside the starter. It is an error, saying what to
// install, where there is no temporal program.
func FromEnvironment(starter string, env []string) (Options, error) {
	folder := filepath.Dir(starter)
	o := Options{
		Home:       lookup(env, "EVERFOLD_HOME"),
		Temporal:   lookup(env, "EVERFOLD_TEMPORAL"),
		Supervisor: []string{starter, SuperviseCommand},
		Worker:     []string{filepath.Join(folder, "worker"), "--exit-with-parent"},
		Env:        withoutTemporal(env),
	}
	if o.Home == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return o, fmt.Errorf("no home folder for the embedded server: set EVERFOLD_HOME: %w", err)
		}
		o.Home = filepath.Join(user, ".everfold")
	}
	if o.Temporal == "" {
		o.Temporal = filepath.Join(folder, "temporal")
		if _, err := os.Stat(o.Temporal); errors.Is(err, fs.ErrNotExist) {
			found, err := exec.LookPath("temporal")
			if err != nil {
				return o, fmt.Errorf("no temporal program beside %s or on PATH: run `make build`, which puts the "+
					"pinned one into bin/, or set EVERFOLD_TEMPORAL", starter)
			}
			o.Temporal = found
		}
	}
	return o, nil
}

// lookup returns the last value of name, as a process would see it.
func lookup(env []string, name string) string {
	for _, v := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// withoutTemporal is env without Temporal's own variables: the children reach the embedded
// server alone, whatever server the person uses otherwise.
func withoutTemporal(env []string) []string {
	kept := make([]string, 0, len(env))
	for _, v := range env {
		if !strings.HasPrefix(v, "TEMPORAL_") {
			kept = append(kept, v)
		}
	}
	return kept
}

// connection is the worker's way to the server. The empty profile file hides the person's.
func connection(address string) []string {
	return []string{"TEMPORAL_ADDRESS=" + address, "TEMPORAL_NAMESPACE=default", "TEMPORAL_CONFIG_FILE=" + os.DevNull}
}

// serverInfo identifies a temporal program without running it again.
type serverInfo struct {
	Program  string    `json:"program"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	Version  string    `json:"version"` // of the server in it
}

var serverVersion = regexp.MustCompile(`Server (\d+\.\d+\.\d+)`)

// identify asks the program for its server's version, unless it is the one that was asked
// before. Databases are not migrated between server versions, so each has its own.
func identify(ctx context.Context, path string, env []string, known serverInfo) (serverInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return serverInfo{}, err
	}
	s := serverInfo{Program: path, Size: info.Size(), Modified: info.ModTime().UTC()}
	if s.Program == known.Program && s.Size == known.Size && s.Modified.Equal(known.Modified) {
		return known, nil
	}
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	match := serverVersion.FindSubmatch(out)
	if err != nil {
		return s, fmt.Errorf("%s is not Temporal's CLI: `--version` answered %.200q: %w", path, out, err)
	}
	if match == nil {
		return s, fmt.Errorf("%s is not Temporal's CLI: `--version` answered %.200q", path, out)
	}
	s.Version = string(match[1])
	return s, nil
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is missing: run `make build`, which puts starter, worker and temporal into bin/", path)
	case err != nil:
		return fmt.Errorf("cannot run %s: %w", path, err)
	case info.IsDir() || info.Mode()&0o111 == 0:
		return fmt.Errorf("cannot run %s: not an executable file", path)
	}
	return nil
}

// Package app wires everfold's implementations together: which store a URI opens, where
// data may be read, where a run's log files are, how Temporal is reached, and what one
// worker process serves. Both programs and the tests build on it; the libraries beneath it
// know nothing of one another's implementations.
//
// Non-goals: parsing flags and choosing exit codes (worker/, starter/), and the embedded
// server (internal/app/embedded).
package app

import (
	"runtime"
	"runtime/debug"
)

// BuildInfo says which code is running. It goes into manifests and `version`; nothing is
// ever decided by it.
type BuildInfo struct {
	Version  string `json:"version"`            // module version; "(devel)" of a checkout
	Revision string `json:"revision,omitempty"` // VCS revision; "" where the build had none
	Modified bool   `json:"modified,omitempty"` // the checkout had uncommitted changes
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

// Build returns what the linker recorded in the running program.
func Build() BuildInfo {
	b := BuildInfo{Version: "(devel)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// String is one line for people and for manifests:
// "(devel) 84f9271a0c42+modified go1.26.8 linux/amd64".
func (b BuildInfo) String() string {
	s := b.Version
	if b.Revision != "" {
		s += " " + b.Revision[:min(12, len(b.Revision))]
	}
	if b.Modified {
		s += "+modified"
	}
	return s + " " + b.Go + " " + b.OS + "/" + b.Arch
}

package main

import (
	"fmt"
	"slices"
	"strings"

	"everfold/internal/app"
)

// versions looks where worker deployments are in use: new runs begin on the versions that
// somebody made current, and wait where these have no worker.
func (c *checkup) versions(queues []app.Queue) {
	var used []string
	waiting, serving := map[app.Version][]string{}, app.Version{}
	for _, q := range queues {
		for _, v := range append(q.Versions(), q.Targets()...) {
			if v != (app.Version{}) && !slices.Contains(used, v.String()) {
				used = append(used, v.String())
			}
		}
		for _, target := range q.Targets() {
			if q.Count() > 0 && q.Workers[target] == 0 { // a queue without any is told by workers
				waiting[target] = append(waiting[target], q.Name)
				serving = q.Versions()[0]
			}
		}
	}
	if len(used) == 0 {
		return
	}
	for target, where := range waiting {
		c.failed("versions", exitUnreachable, sendTo(target, serving), "new runs wait for %s at %s", aWorker(target), strings.Join(where, ", "))
	}
	if len(waiting) == 0 {
		c.ok("versions", "new runs begin on %s; in use: %s", beginOn(queues), strings.Join(used, ", "))
	}
}

// beginOn names what new runs begin on: workflows are started at the first queue.
func beginOn(queues []app.Queue) string {
	q := queues[0]
	if targets := q.Targets(); len(targets) > 1 {
		return fmt.Sprintf("%s, %g %% of them on %s", targets[0], q.Share, targets[1])
	}
	return q.Current.String()
}

func aWorker(v app.Version) string {
	if v == (app.Version{}) {
		return "an unversioned worker"
	}
	return "a worker of " + v.String()
}

// sendTo says how new runs get to workers: to ones of the version that is meant, or by making
// another the current one.
func sendTo(target, serving app.Version) string {
	do := "start " + aWorker(target) + ", or let those that serve have the new runs: "
	if serving == (app.Version{}) {
		return do + "temporal worker deployment set-current-version --deployment-name " + target.Deployment + " --unversioned"
	}
	return do + "temporal worker deployment set-current-version --deployment-name " + serving.Deployment + " --build-id " + serving.BuildID
}

// versionStatus is the version of a worker deployment that a run is pinned to.
type versionStatus struct {
	app.Version
	// Missing are the task queues where no worker of that version is left: what the run has
	// there waits.
	Missing []string `json:"missing,omitempty"`
	Do      string   `json:"do,omitempty"`
}

func newVersionStatus(pinned app.Version, missing []string, id string, s *snapshot) *versionStatus {
	status := &versionStatus{Version: pinned, Missing: missing}
	if len(missing) > 0 {
		status.Do = "start " + aWorker(pinned) + ", or move the run to what is current: temporal workflow update-options " +
			concerned(id, s) + " --versioning-override-behavior auto_upgrade"
	}
	return status
}

// concerned are the flags that choose a run, and with it the executions that it has started.
func concerned(id string, s *snapshot) string {
	if len(s.children) == 0 {
		return "--workflow-id " + id
	}
	return fmt.Sprintf(`--query "ExecutionStatus = 'Running' AND (WorkflowId = '%s' OR WorkflowId STARTS_WITH '%[1]s/')" --yes`, id)
}

// present shows the version, and what to do where nobody serves it.
func (v *versionStatus) present(s screen) {
	s.printf("%s %s\n", label(s, "Version"), v.Version)
	if len(v.Missing) > 0 {
		s.printf("%s no worker of %s serves %s\n", label(s, ""), v.Version, strings.Join(v.Missing, ", "))
		s.printf("%s → %s\n", label(s, ""), v.Do)
	}
}

package app

import (
	"fmt"
	"strings"
	"unicode"

	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// longestID is what Temporal's server takes of names and build ids.
const longestID = 255

// ID names the code for people and for deployments: the revision, else the module's version;
// "" where the build knows neither, or had changes that neither names.
func (b BuildInfo) ID() string {
	switch {
	case b.Modified || strings.HasSuffix(b.Version, "+dirty"):
		return ""
	case b.Revision != "":
		return b.Revision[:min(12, len(b.Revision))]
	case b.Version != "(devel)":
		return b.Version
	}
	return ""
}

// checkDeployment refuses names that the server would refuse, and a build that has no name.
func (o WorkerOptions) checkDeployment() error {
	switch {
	case o.Deployment == "" && o.BuildID == "":
		return nil
	case o.Deployment == "":
		return fmt.Errorf("%w: build id %q without a deployment: name one (--deployment), or leave both out", ErrWorkerOptions, o.BuildID)
	case unfit(o.Deployment) || strings.ContainsAny(o.Deployment, ".:"):
		return fmt.Errorf("%w: deployment %q: want at most %d characters without spaces, dots and colons", ErrWorkerOptions, o.Deployment, longestID)
	case o.BuildID == "" && Build().ID() == "":
		return fmt.Errorf("%w: deployment %s without a build id: this program was built without a revision, or from changes that have none; "+
			"give it one (--build-id), another for each build", ErrWorkerOptions, o.Deployment)
	case unfit(o.BuildID):
		return fmt.Errorf("%w: build id %q: want at most %d characters without spaces", ErrWorkerOptions, o.BuildID, longestID)
	}
	return nil
}

func unfit(name string) bool {
	return len(name) > longestID || strings.ContainsFunc(name, unicode.IsSpace)
}

// deployment makes a worker one of its version. Every workflow is pinned: a run, its children
// and their fits stay with the version that it began on, so that no release meets the history
// or the activities of another. What a schedule starts is an execution of its own, which begins
// on the version that is current by then.
func (o WorkerOptions) deployment() sdkworker.DeploymentOptions {
	if o.Deployment == "" {
		return sdkworker.DeploymentOptions{}
	}
	return sdkworker.DeploymentOptions{
		UseVersioning:             true,
		Version:                   sdkworker.WorkerDeploymentVersion{DeploymentName: o.Deployment, BuildID: o.BuildID},
		DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
	}
}

package config

// Request is what the operator asks of one start of a run, beside its spec: the optional
// key "request" of the workflow's JSON input. Spec files do not know it.
type Request struct {
	Force          []string `json:"force,omitempty"`           // "model" or "model:fold": fit again though complete
	OnlyFailed     bool     `json:"only_failed,omitempty"`     // fit only folds that were planned before and are incomplete
	RetrainChanged bool     `json:"retrain_changed,omitempty"` // fit again complete folds whose inputs changed
	Fresh          bool     `json:"fresh,omitempty"`           // refuse to start where the run has artifacts
}

package app

// Serve is RunWorker with other workflows and activities.
var Serve = serve

// WithDefaults is what RunWorker makes of its options.
func WithDefaults(o WorkerOptions) WorkerOptions { return o.withDefaults() }

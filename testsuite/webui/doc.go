// Package webui looks at encrypted runs as a person does: Temporal's own Web UI, of the dev server,
// in a headless Chromium, with and without the endpoint of `starter codec serve`.
//
// Preconditions: those of testsuite/harness, and with -browser (`make webui`) the program chromium.
// Without the flag there is nothing to
// look with: what the browser asks of the endpoint is held by TestAsBrowser of internal/codec.
//
// Non-goals: other browsers, and a Web UI that wants a login.
package webui

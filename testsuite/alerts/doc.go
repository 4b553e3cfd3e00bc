// Package alerts holds the tests of alerts by whole programs: starter, a worker and a
// Temporal server, with a real mail server and a real webhook at the other end. One message
// an event, also where the worker is killed while it sends; the command in a message works;
// no secret is in a history, log or file; endpoints that are broken harm no run. It has
// tests only.
package alerts

// Package secure holds whole programs to SECURITY.md: connections that are encrypted and
// checked both ways, payloads that only holders of a key can read, and data and credentials
// that turn up nowhere but where they belong.
//
// Preconditions: those of testsuite/harness.
package secure

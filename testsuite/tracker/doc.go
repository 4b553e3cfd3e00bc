// Package tracker runs everfold against a real MLflow server from PyPI: the client keeps
// the contract there, and whole programs train while the server is away, loses a run, loses
// its database, hangs or is never there. It has tests only.
//
// One server with its database in SQLite serves all tests, each with an experiment of its
// own; a second, empty one takes its place where a database is lost. What goes wrong goes
// wrong in a proxy between.
//
// Preconditions: those of testsuite/harness, and MLflow in .cache/mlflow, which
// testsuite/tracker/install.sh puts there.
package tracker

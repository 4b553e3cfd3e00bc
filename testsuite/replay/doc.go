// Package replay holds recorded histories of TrainSurvivalModels, RecoverRun and
// ScheduledTraining and replays them with the present workflow code: a run that is open while
// workers are upgraded must go on as if nothing had happened. It also bounds the size of
// histories. It has tests only.
//
// testdata/unreleased holds histories of the code since the last release, testdata/vX.Y.Z
// those of a release, testdata/before-X those of the code before a change X that has a version,
// testdata/bad those of workflows that are wrong on purpose.
//
// When a history does not replay:
//
//   - Released histories are kept for ever and must replay. A change of what the workflow
//     commands, or of the order, is put behind workflow.GetVersion, so that an execution
//     that is open goes its old way, and the new way is recorded beside the old one.
//   - Histories of testdata/unreleased may be recorded again, since no execution by that
//     code is open anywhere: go test ./testsuite/replay -run Record -record, those whose names
//     begin with NAME by -only NAME. A release renames the folder to its version.
//
// What needs a version: another activity, timer, child, marker or memo, one more or one
// less, another order, another name. What does not: activity inputs, options and results
// (as long as the old ones decode), queries, logs, details in the Web UI, summaries.
//
// Preconditions of recording and of the size test: those of testsuite/harness. Replaying
// needs nothing.
package replay

// Package codec encrypts what a Temporal server gets to keep of a run: inputs, results,
// heartbeats, queries, updates, memos, summaries, and the messages of failures. The server,
// its database and its operators then see names of workflows and activities, task queues,
// times, search attributes and types of errors, and no more.
//
// Each payload, its metadata included, is sealed by AES-256-GCM under a random nonce. The
// metadata of what is stored names the cipher and the key's id, and both are authenticated
// with it. The first of the Keys encrypts, all of them decrypt, so keys are rotated by
// putting a new one in front. Payloads that are not encrypted are read as they are: a run
// may be started by the temporal program.
//
// A key must not seal more than 2³² payloads (NIST SP 800-38D, 8.3): a run has hundreds.
//
// Non-goals: search attributes, which the server must read, and the files of a store.
package codec

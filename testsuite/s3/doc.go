// Package s3 tests everfold against a real S3 server, versitygw over a folder: the store's
// contract, the server's death under load, and whole runs, undisturbed and through a proxy
// that makes what goes wrong between machines.
package s3

package activities

// ErrorType is the error type by which an activity would report err, for programs that
// prepare a run without Temporal and give the same answer.
func ErrorType(err error) string { return classOf(err).typ }

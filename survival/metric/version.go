package metric

// Version is the version of the scoring algorithms; it is part of every score fingerprint
// and rises when the same predictions and outcomes give another number.
const Version = 2

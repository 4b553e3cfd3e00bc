package linear

const (
	// One row in sampleShare gives a start four standard errors of the whole estimate away,
	// or less, for a sixteenth of the work: then Newton's method needs three steps or four.
	sampleShare = 16
	// A smaller sample, or one with fewer rows a column, is no help.
	sampleRows          = 1024
	sampleRowsPerColumn = 64
	// SampleChange is the Problem.Change of a fit large enough for a sample: a fifth of its time
	// for the ninth digit of a standard error.
	SampleChange = 4e-9
)

// Sample picks every sixteenth of the rows, which are best in order of time, to find a start
// for a fit with so many columns; nil where there are too few to be worth it.
func Sample(rows []int, columns int) []int {
	n := len(rows) / sampleShare
	if n < sampleRows || n < sampleRowsPerColumn*columns {
		return nil
	}
	sample := make([]int, n)
	for k := range sample {
		sample[k] = rows[k*sampleShare+sampleShare/2]
	}
	return sample
}

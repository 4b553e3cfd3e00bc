package trackertest

import (
	"encoding/json"
	"strconv"
	"strings"
)

// valueOfMetric reads a number as the API has it, "NaN" and infinities included.
func valueOfMetric(text json.RawMessage) float64 {
	v, err := strconv.ParseFloat(strings.Trim(string(text), `"`), 64)
	if err != nil {
		panic("trackertest: a metric value that is no number")
	}
	return v
}

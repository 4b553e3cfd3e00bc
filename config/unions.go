package config

import (
	"encoding/json"
	"fmt"
)

// MarshalJSON writes "error", "drop" or the number that replaces zero.
func (z ZeroTime) MarshalJSON() ([]byte, error) {
	if z.Mode == zeroReplace {
		return json.Marshal(z.Value)
	}
	return json.Marshal(z.Mode)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (z *ZeroTime) UnmarshalJSON(data []byte) error {
	var number float64
	if json.Unmarshal(data, &number) == nil {
		*z = ZeroTime{Mode: zeroReplace, Value: number}
		return nil
	}
	var mode string
	if err := json.Unmarshal(data, &mode); err != nil {
		return fmt.Errorf("on_zero_time: want a string or a number: %w", err)
	}
	*z = ZeroTime{Mode: mode}
	return nil
}

// MarshalJSON writes the count, the list of times, or "burk80".
func (g Grid) MarshalJSON() ([]byte, error) {
	switch {
	case g.Burk80:
		return json.Marshal(burk80)
	case g.Times != nil:
		return json.Marshal(g.Times)
	default:
		return json.Marshal(g.Count)
	}
}

// UnmarshalJSON reads what MarshalJSON writes.
func (g *Grid) UnmarshalJSON(data []byte) error {
	var count int
	var times []float64
	var word string
	switch {
	case json.Unmarshal(data, &count) == nil:
		*g = Grid{Count: count}
	case json.Unmarshal(data, &times) == nil:
		*g = Grid{Times: times}
	case json.Unmarshal(data, &word) == nil && word == burk80:
		*g = Grid{Burk80: true}
	default:
		return fmt.Errorf("grid: want a count, a list of times or %q", burk80)
	}
	return nil
}

// MarshalJSON writes "best", "all" or the list of names.
func (f FinalModels) MarshalJSON() ([]byte, error) {
	if f.Keyword != "" {
		return json.Marshal(f.Keyword)
	}
	return json.Marshal(f.Names)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *FinalModels) UnmarshalJSON(data []byte) error {
	var word string
	if json.Unmarshal(data, &word) == nil {
		*f = FinalModels{Keyword: word}
		return nil
	}
	var names []string
	if err := json.Unmarshal(data, &names); err != nil {
		return fmt.Errorf("final.models: want a string or a list of names: %w", err)
	}
	*f = FinalModels{Names: names}
	return nil
}

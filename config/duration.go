package config

import "time"

// Duration is a time.Duration written as a string such as "90m" in YAML and JSON.
type Duration time.Duration

// Std is the standard library's form.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String is the shortest usual form: "90m", "24h", "10s".
func (d Duration) String() string { return time.Duration(d).String() }

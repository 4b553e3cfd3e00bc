package config

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Age is how old something may be: days such as "90d", or a duration such as "36h".
type Age time.Duration

var days = regexp.MustCompile(`^([1-9][0-9]{0,4})d$`)

const day = 24 * time.Hour

// ParseAge reads an age above zero.
func ParseAge(s string) (Age, error) {
	if m := days.FindStringSubmatch(s); m != nil {
		n, err := strconv.Atoi(m[1])
		return Age(time.Duration(n) * day), err
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is no age; want days such as 90d or a duration such as 36h", shorten(s))
	}
	return Age(d), nil
}

// Std is the standard library's form.
func (a Age) Std() time.Duration { return time.Duration(a) }

// String is "90d" for whole days, else the shortest duration.
func (a Age) String() string {
	if d := time.Duration(a); d > 0 && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	return Duration(a).String()
}

// MarshalJSON writes the string form.
func (a Age) MarshalJSON() ([]byte, error) { return json.Marshal(a.String()) }

// UnmarshalJSON reads the string form.
func (a *Age) UnmarshalJSON(data []byte) error {
	var s string
	err := json.Unmarshal(data, &s)
	if err == nil {
		*a, err = ParseAge(s)
	}
	if err != nil {
		return fmt.Errorf("age: %w", err)
	}
	return nil
}

func ageRule() rule {
	return rule{text: &textRule{what: `an age such as "90d" or "36h"`, valid: func(s string) string {
		if _, err := ParseAge(s); err != nil {
			return err.Error()
		}
		return ""
	}}}
}

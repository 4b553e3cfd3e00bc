package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// SettingsError says which setting of a model type is not allowed, and what is.
type SettingsError struct{ Type, Problem string }

func (e *SettingsError) Error() string { return fmt.Sprintf("settings of %s: %s", e.Type, e.Problem) }

// decodeSettings reads one JSON object strictly into dst, which holds the defaults.
// No bytes and null mean all defaults.
func decodeSettings(typ string, settings json.RawMessage, dst any) error {
	if len(bytes.TrimSpace(settings)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(settings))
	d.DisallowUnknownFields()
	if err := d.Decode(dst); err != nil {
		return &SettingsError{Type: typ, Problem: strings.TrimPrefix(err.Error(), "json: ")}
	}
	if _, err := d.Token(); err != io.EOF {
		return &SettingsError{Type: typ, Problem: "more than one JSON value"}
	}
	return nil
}

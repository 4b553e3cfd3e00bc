package codec

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var (
	// ErrKey: a payload is encrypted by a key that is not there.
	ErrKey = errors.New("encrypted payload")
	// ErrDamaged: a payload does not open with its key.
	ErrDamaged = errors.New("damaged payload")
)

// Why a payload cannot be opened: fixed words, and ids of keys where %s is. So whoever reads it
// learns no more than stands beside the payloads themselves.
const (
	noKey     = "it names no key; another program's codec has made it"
	tooShort  = "it is too short"
	changed   = "it does not open with the key %s: it was changed, or another key has this id here"
	noPayload = "what the key %s opens is no payload"
	hasNone   = "it needs the key %s, and this program has none: set EVERFOLD_CODEC_KEYS_FILE or EVERFOLD_CODEC_KEYS for every worker and starter"
	hasOthers = "it needs the key %s, and this program has %s: add the key to EVERFOLD_CODEC_KEYS_FILE or EVERFOLD_CODEC_KEYS of every " +
		"worker and starter; a new key comes first in them only when all have it"
)

// unopened is ErrKey or ErrDamaged with its reason.
type unopened struct {
	kind error
	text string
}

func cannot(kind error, reason string, ids ...any) error {
	return &unopened{kind, kind.Error() + ": " + fmt.Sprintf(reason, ids...)}
}

func (u *unopened) Error() string { return u.text }
func (u *unopened) Unwrap() error { return u.kind }

// missing says what to set, in the words of the programs that have the keys.
func (k *Keys) missing(id string) error {
	if len(k.IDs()) == 0 {
		return cannot(ErrKey, hasNone, id)
	}
	return cannot(ErrKey, hasOthers, id, strings.Join(k.ids, ", "))
}

// whole matches the text of an unopened from its first to its last letter.
var whole = func() *regexp.Regexp {
	id := strings.Trim(idForm.String(), "^$")
	var reasons []string
	for _, reason := range []string{noKey, tooShort, changed, noPayload, hasNone, hasOthers} {
		reasons = append(reasons, strings.ReplaceAll(regexp.QuoteMeta(reason), "%s", id+"(?:, "+id+")*"))
	}
	return regexp.MustCompile(`^(?:` + ErrKey.Error() + `|` + ErrDamaged.Error() + `): (?:` + strings.Join(reasons, "|") + `)$`)
}()

// unopenedText is why a payload cannot be opened, where that is what err is about; else "". A
// panic of workflow code reaches us as its text alone.
func unopenedText(err error) string {
	var u *unopened
	switch {
	case err == nil:
		return ""
	case errors.As(err, &u):
		return u.text
	case whole.MatchString(err.Error()):
		return err.Error()
	}
	return ""
}

package codec

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
)

// keyBytes is the length of a key: AES-256.
const keyBytes = 32

// idForm is what a key's id may be: it is stored beside each payload, in the clear.
var idForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// Keys are named keys. Nil, and no keys, encrypt nothing and decrypt nothing.
type Keys struct {
	ids     []string // the first encrypts
	ciphers map[string]cipher.AEAD
}

// ParseKeys reads keys, ID:BASE64 each, by lines or commas; # begins a comment. The first
// is the one that encrypts. No error quotes a key.
func ParseKeys(text string) (*Keys, error) {
	k := &Keys{ciphers: map[string]cipher.AEAD{}}
	for i, line := range strings.Split(strings.ReplaceAll(text, ",", "\n"), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := k.add(line); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
	}
	if len(k.ids) == 0 {
		return nil, fmt.Errorf("there is no key: want lines of ID:BASE64, 32 bytes each")
	}
	return k, nil
}

func (k *Keys) add(line string) error {
	id, encoded, found := strings.Cut(line, ":")
	if !found || !idForm.MatchString(id) {
		return fmt.Errorf("want ID:BASE64, with an ID of up to 63 letters, digits, dots, dashes and underscores")
	}
	if _, twice := k.ciphers[id]; twice {
		return fmt.Errorf("the key %s is there twice", id)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return fmt.Errorf("the key %s is not base64", id)
	}
	if len(key) != keyBytes {
		return fmt.Errorf("the key %s has %d bytes, want %d", id, len(key), keyBytes)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return fmt.Errorf("the key %s: %w", id, err)
	}
	sealer, err := cipher.NewGCM(block)
	if err != nil {
		return fmt.Errorf("the key %s: %w", id, err)
	}
	k.ids, k.ciphers[id] = append(k.ids, id), sealer
	return nil
}

// NewKey is a new random key as ParseKeys reads it.
func NewKey(id string) (string, error) {
	if !idForm.MatchString(id) {
		return "", fmt.Errorf("%q is no id of a key: want up to 63 letters, digits, dots, dashes and underscores", id)
	}
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // it never fails
	return id + ":" + base64.StdEncoding.EncodeToString(key), nil
}

// IDs are the ids of the keys; the first encrypts.
func (k *Keys) IDs() []string {
	if k == nil {
		return nil
	}
	return k.ids
}

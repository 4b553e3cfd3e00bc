package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// typed is the command line, as it can be typed again.
func (p *program) typed() string {
	words := []string{"starter"}
	for _, a := range p.args {
		words = append(words, quoted(a))
	}
	return strings.Join(words, " ")
}

// withFlag adds a flag to a command line that lacks it.
func withFlag(command, flag string) string {
	if slices.Contains(strings.Fields(command), flag) {
		return command
	}
	return command + " " + flag
}

var bareWord = regexp.MustCompile(`^[A-Za-z0-9_./:=@%+,-]+$`)

// quoted is a word as a shell takes it.
func quoted(word string) string {
	if bareWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// isDefaultStore says that a command finds a store without --store.
func isDefaultStore(uri string) bool {
	here, err := filepath.Abs(defaultStore)
	return err == nil && uri == here
}

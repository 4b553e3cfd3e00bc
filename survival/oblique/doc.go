// Package oblique fits oblique random survival forests.
package oblique

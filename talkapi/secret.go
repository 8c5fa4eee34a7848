package talkapi

import (
	"fmt"
	"io"
)

// Secret is a password or key that prints as *** wherever it is formatted,
// logged or encoded. Only Reveal gives it away.
type Secret string

const masked = "***"

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns ***.
func (s Secret) String() string { return masked }

// GoString returns ***, for %#v.
func (s Secret) GoString() string { return masked }

// Format prints *** for every verb, also %x and %q.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// MarshalText returns ***, for encoders such as TOML and XML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// MarshalJSON returns "***".
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + masked + `"`), nil }

// hidden keeps a secret inside a struct. fmt prints unexported fields
// without asking their methods, but of a function it shows the address only.
type hidden func() string

func hide(s Secret) hidden { return s.Reveal }
